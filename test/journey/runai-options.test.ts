import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RunaiClient } from './runai-client.js';
import { image, startStintOnRig } from './stint-on-rig.js';

const folder = await mkdtemp(join(tmpdir(), 'stint-runai-'));
await chmod(folder, 0o755); // The job's user is another one.
const claimed = `stint-test-claim-${randomUUID()}`;
const on = await startStintOnRig({
  STINT_ALLOW_USERS: '1000:1000, 0:0',
  STINT_ALLOW_VOLUMES: `${claimed}:rw`,
  STINT_JOB_GPUS_MAX: '2',
  STINT_JOB_CPUS: '2',
  STINT_ALLOW_MOUNTS: folder,
  STINT_ALLOW_PORTS: '18000-18999',
  STINT_ALLOW_NETWORKS: 'host',
  STINT_JOB_SHM_MAX: '256MiB',
  STINT_RUNAI_PROJECTS: 'vision, speech',
  STINT_RUNAI_SERIAL_PROJECTS: 'true',
});
await on.docker.createVolume({ Name: claimed });
afterAll(async () => {
  await on.docker.getVolume(claimed).remove();
  await on[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const runai = new RunaiClient(on.stint.url, await on.client.minimalToken());
const busybox = { image, imagePullPolicy: 'Never', project: 'vision', backoffLimit: 0 };
const isRunning = ({ status }: { status: string }) => status === 'Running';

/** Runs a shell script to its end and returns what it printed. */
async function run(script: string, job: object): Promise<string> {
  const name = await runai.submit({ ...busybox, command: ['sh', '-c'], arguments: [script], ...job });
  const { id } = await runai.wait('vision', name);
  const { output, stderr, return_code } = await on.client.get(id);
  expect({ name, return_code, stderr }).toEqual({ name, return_code: 0, stderr: '' });
  return output;
}

test('limits, user and shared memory reach the container', async () => {
  const job = { cpuLimit: 0.5, memoryLimit: '100M', largeShm: true, runAsUid: 1000, runAsGid: 1000 };

  const output = await run(`id -u; id -g; df -k /dev/shm | awk 'NR == 2 {print $2}'`, job);

  const [uid, gid, shmKib] = output.split('\n');
  expect({ uid, gid }).toEqual({ uid: '1000', gid: '1000' });
  expect(Number(shmKib)).toBeGreaterThan(90_000);
  expect(Number(shmKib)).toBeLessThan(100_000);
});

test('the engine is told what a job counts on', async () => {
  const name = await runai.submit({ ...busybox, command: 'sleep 300', cpu: 0.5, memory: '100M' });
  const { id } = await runai.wait('vision', name, isRunning);
  const { container_id: containerId } = await on.client.get(id);

  const { HostConfig } = await on.docker.getContainer(containerId).inspect();

  expect(HostConfig).toMatchObject({ CpuShares: 512, MemoryReservation: 1e8, Memory: 1024 ** 3 });
  await runai.remove({ name, project: 'vision' });
});

test('a job whose engine has no GPU fails before it starts, and says why', async () => {
  const name = await runai.submit({ ...busybox, command: 'true', gpu: 2 });
  const { id, status, currentAllocatedGPUs } = await runai.wait('vision', name);

  expect({ status, currentAllocatedGPUs }).toEqual({ status: 'Failed', currentAllocatedGPUs: 0 });
  expect(await on.client.stint('GET', `/stint/v1/jobs/${id}`)).toMatchObject({
    reason: 'start_failed',
    code: 'gpu_unavailable',
    message: expect.stringMatching(/^Could not start the container: .*GPU/),
  });
  expect(await runai.ask('POST', '/api/job', { body: { job: { ...busybox, gpu: 3 } } })).toMatchObject({
    status: 403,
    body: { details: expect.stringContaining('`gpu`') },
  });
});

test('a job with stdin waits for input where it reads, and has a terminal where it asks for one', async () => {
  const script = ['sh', '-c', 'tty; echo to stderr >&2; read line; echo "got $line"'];
  const lab = { ...busybox, interactive: true, command: script, stdin: true, tty: true };
  const name = await runai.submit(lab);
  const { id } = await runai.wait('vision', name, isRunning);
  const { container_id: containerId } = await on.client.get(id);
  const container = on.docker.getContainer(containerId);
  expect((await container.inspect()).Config).toMatchObject({ OpenStdin: true, Tty: true });

  await expect.poll(async () => (await on.client.get(id)).output).toContain('to stderr');
  const terminal = await container.attach({ stream: true, stdin: true, hijack: true });
  terminal.end('hello\n');

  expect(await runai.wait('vision', name)).toMatchObject({ status: 'Succeeded' });
  const { output, stderr, tty } = await on.client.get(id);
  expect({ stderr, tty }).toEqual({ stderr: '', tty: true });
  expect(output).toMatch(/^\/dev\/\S+\r\nto stderr\r\nhello\r\ngot hello\r\n$/);
});

test('a job without stdin reads nothing', async () => {
  expect(await run('read line; echo "got $line"', {})).toBe('got \n');
});

test('a claimed volume keeps its files from one job to the next', async () => {
  const root = { runAsUid: 0, runAsGid: 0 };
  await run('echo kept > /data/file', { pvc: [{ name: claimed, path: '/data' }], ...root });

  const output = await run('cat /data/file; touch /data/b 2> /dev/null || echo only read', {
    pvc: [`${claimed}:/data:ro`],
    ...root,
  });

  expect(output).toBe('kept\nonly read\n');
});

test('a home directory is empty, writable, of the job alone and in memory, for whoever the job runs as', async () => {
  const script =
    'pwd; ls -A; stat -c "%u:%g %a" .; echo "echo ran" > tool; chmod +x tool; ./tool; df . | tail -1 | cut -c 1-5';
  const home = '/home/runai-home';
  const job = { createHomeDir: true, command: ['sh', '-c'], arguments: [`cd && ${script}`] };

  expect(await run('', job)).toBe(`${home}\n2001:2001 700\nran\ntmpfs\n`);
  const other = { ...job, runAsUid: 1000, runAsGid: 1000 };
  expect(await run('', other)).toBe(`${home}\n1000:1000 700\nran\ntmpfs\n`);
});

test('the engine is told the limits and the ports of a job', async () => {
  const name = await runai.submit({
    ...busybox,
    command: 'sleep 300',
    cpuLimit: 0.5,
    memoryLimit: '100M',
    ports: [{ container: 8888, external: 18_088 }, 6006],
    serviceType: 'nodeport',
  });
  const { id } = await runai.wait('vision', name, isRunning);
  const { container_id: containerId } = await on.client.get(id);

  const { HostConfig, Config } = await on.docker.getContainer(containerId).inspect();

  expect(HostConfig).toMatchObject({ NanoCpus: 5e8, Memory: 1e8, MemorySwap: 1e8 });
  expect(Object.keys(HostConfig.PortBindings as object).toSorted()).toEqual(['6006/tcp', '8888/tcp']);
  expect(HostConfig.PortBindings).toMatchObject({ '8888/tcp': [{ HostPort: '18088' }] });
  expect(Config.Env).toContain(`JOB_NAME=${name}`);
  await runai.remove({ name, project: 'vision' });
});

test('an allowed path of the node is mounted, and another one refused by name', async () => {
  await writeFile(join(folder, 'data'), 'of the node');

  expect(await run('cat /data/data', { volume: { [folder]: '/data:ro' } })).toBe('of the node');

  for (const volume of [{ '/etc': '/data:ro' }, { [folder]: '/data:rw' }]) {
    expect(await runai.ask('POST', '/api/job', { body: { job: { ...busybox, volume } } })).toMatchObject({
      status: 403,
      body: { message: 'forbidden', details: expect.stringContaining('`volume`') },
    });
  }
});

test('a path that is not there fails the job when it starts', async () => {
  const volume = { [`${folder}/nothing`]: '/data:ro' };

  const name = await runai.submit({ ...busybox, command: 'true', volume });

  expect(await runai.wait('vision', name)).toMatchObject({ status: 'Failed' });
});

test('the jobs of a project run one after another where the operator wants that', async () => {
  const first = await runai.submit({ ...busybox, project: 'speech', command: 'sleep 300' });
  await runai.wait('speech', first, isRunning);
  const second = await runai.submit({ ...busybox, project: 'speech', command: 'true' });

  expect((await runai.list('speech')).map(({ name, status }) => [name, status])).toEqual([
    [second, 'Pending'],
    [first, 'Running'],
  ]);
  await runai.remove({ name: first, project: 'speech' });
  expect(await runai.wait('speech', second)).toMatchObject({ status: 'Succeeded' });
});

test('a project that the operator does not name is refused', async () => {
  expect(
    await runai.ask('POST', '/api/job', { body: { job: { ...busybox, project: 'other' } } }),
  ).toMatchObject({
    status: 403,
    body: { details: 'project must be one of vision, speech, got "other".' },
  });
});
