import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tarGzOf } from '../support/archives.js';
import { startStintOnRig } from './stint-on-rig.js';

const directory = await mkdtemp(join(tmpdir(), 'stint-seccomp-'));
const profile = join(directory, 'profile.json');
const syscalls = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }];
await writeFile(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
const on = await startStintOnRig({
  STINT_JOB_READ_ONLY: 'true',
  STINT_JOB_NETWORK: 'isolated',
  STINT_JOB_SECCOMP: profile,
});
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

test('a job runs with all that confines it, and has its secrets file', async () => {
  const script =
    'grep -c TOKEN /secrets.yml; mkdir /tmp/a 2>/dev/null || echo no mkdir; echo x 2>/dev/null >/var/x || echo read-only; ip -o addr | grep -c eth0';

  const job = await on.run({ run: ['sh', '-c', script] });

  expect(job).toMatchObject({ status: 'success', output: '1\nno mkdir\nread-only\n1\n' });
});

test('content is refused at submit', async () => {
  const content = (await tarGzOf([{ name: 'a', body: 'x' }])).toString('base64');
  const { client } = on;
  const request = { wrap_secret_id: await client.wrapSecretId(), container_image: 'busybox', content };

  await expect(client.post(request)).rejects.toMatchObject({
    message: expect.stringContaining('STINT_JOB_READ_ONLY'),
  });
});

test('a profile that is none ends the start', async () => {
  await writeFile(join(directory, 'none.json'), '[]');

  await expect(startStintOnRig({ STINT_JOB_SECCOMP: join(directory, 'none.json') })).rejects.toThrow(
    'Expected STINT_JOB_SECCOMP to name a JSON object',
  );
});
