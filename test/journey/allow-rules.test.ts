import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RunaiClient } from './runai-client.js';
import { image, type StintOnRig, startStintOnRig } from './stint-on-rig.js';

const directory = await mkdtemp(join(tmpdir(), 'stint-rules-'));
const file = join(directory, 'rules.yml');
const shared = join(directory, 'shared');
await mkdir(shared);
await writeFile(join(shared, 'a'), 'from the node\n');
await writeFile(
  file,
  `
- queue: vision
  door: runai
  users: 0:0
  capabilities: CHOWN
  mounts: ${shared}
  networks: host
- queue: speech
  users: 0:0
`,
);
const on = await startStintOnRig({ STINT_ALLOW_RULES: file, STINT_RUNAI_SERIAL_PROJECTS: 'true' });
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const clientOf = async ({ stint, client }: StintOnRig) =>
  new RunaiClient(stint.url, await client.minimalToken());
const asRoot = { image, imagePullPolicy: 'Never', backoffLimit: 0, runAsUid: 0, runAsGid: 0 };
const script = (line: string) => ({ command: ['sh', '-c'], arguments: [line] });

/** Runs it to its end and returns what it printed. */
async function run(project: string, line: string, job: object = {}): Promise<string> {
  const runai = await clientOf(on);
  const { id } = await runai.wait(
    project,
    await runai.submit({ ...asRoot, ...script(line), project, ...job }),
  );
  return (await on.client.get(id)).output;
}

test('what a rule allows reaches the containers of its queue, and no other', async () => {
  const line = 'id -u; cat /shared/a; grep CapEff /proc/self/status';
  const volumes = [{ sourcePath: shared, targetPath: '/shared', readOnly: true }];

  expect(await run('vision', line, { volumes })).toBe('0\nfrom the node\nCapEff:\t0000000000000001\n');
  expect(await run('speech', 'id -u; grep CapEff /proc/self/status')).toBe('0\nCapEff:\t0000000000000000\n');
});

test('the jobs of other queues are refused, with the name of the field', async () => {
  const runai = await clientOf(on);
  const job = { ...asRoot, command: 'true' };

  await expect(runai.submit({ ...job, project: 'video' })).rejects.toThrow(/runAsUid.*STINT_ALLOW_USERS/);
  await expect(runai.submit({ ...job, project: 'speech', hostNetwork: true })).rejects.toThrow(
    /hostNetwork.*STINT_ALLOW_NETWORKS/,
  );
});

test('that whoever has a token may submit to such a queue is said at the start', () => {
  expect(on.log()).toContain('STINT_SUBMIT_NEEDS_RIGHT');
});
