import { afterAll, describe, expect, test } from 'vitest';
import { usualConfinement } from '../../../src/docker/program/confinement.js';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { tarGzOf } from '../../support/archives.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
const profile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
};
const open = (more: Partial<typeof usualConfinement>) =>
  openDockerBench(dockerHost, { confinement: { ...usualConfinement, ...more } });
const readOnly = await open({ readOnly: true });
const filtered = await open({ seccompProfile: JSON.stringify(profile) });
afterAll(async () => {
  for (const bench of [readOnly, filtered]) await bench[Symbol.asyncDispose]();
});

async function outputOf(
  bench: DockerBench,
  script: string,
  options = {},
  policy = strictPolicy,
): Promise<string> {
  const { stdout, stderr } = await runJob(bench, { command: ['sh', '-c', script], options, policy });
  return `${stdout}${stderr}`.trim();
}

describe('a job whose root cannot be written', () => {
  test('writes to /tmp and nowhere else, and has its secrets', async () => {
    const script =
      'for at in / /etc /var /usr /root /home /run /bin; do echo x 2>/dev/null >$at/x && echo wrote $at; done; echo x >/tmp/x && echo wrote /tmp; cat /secrets.yml; id -un';

    expect(await outputOf(readOnly, script, { user: { uid: 0, gid: 0 } })).toMatch(
      /^wrote \/tmp\nTOKEN: x\nroot$/,
    );
  });

  test('has /tmp in memory, and its home where it asked for one', async () => {
    const text = await outputOf(
      readOnly,
      'grep -cE " /(tmp|work) tmpfs " /proc/mounts; echo x >/work/x && echo wrote',
      {
        home: '/work',
      },
    );

    expect(text).toBe('2\nwrote');
  });

  test('gets no content: it is refused before anything else is done', async () => {
    const content = await tarGzOf([{ name: 'a', body: 'x' }]);

    await expect(readOnly.backend.checkContent(content)).rejects.toMatchObject({
      reason: 'content_refused',
      message: expect.stringContaining('STINT_JOB_READ_ONLY'),
    });
  });
});

test('a seccomp profile of the operator holds for the job', async () => {
  const text = await outputOf(filtered, 'mkdir /tmp/a || echo refused; grep Seccomp: /proc/self/status');

  expect(text).toMatch(/^refused\nSeccomp:\t2\n.*Operation not permitted$/);
});

test('capabilities of the operator are those that a job of root has, and no others; another job has none', async () => {
  const policy = { ...strictPolicy, capabilities: ['CHOWN'] };
  const user = { uid: 0, gid: 0 };
  const script = 'grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status';

  expect(await outputOf(filtered, script, { user }, policy)).toBe(
    'CapEff:\t0000000000000001\nNoNewPrivs:\t1',
  );
  expect(await outputOf(filtered, script, {}, policy)).toMatch(/^CapEff:\t0{16}/);
  expect(await outputOf(filtered, script, { user })).toMatch(/^CapEff:\t0{16}/);
});
