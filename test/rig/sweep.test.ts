import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { findStartTime, until } from '../../rig/process.js';
import { createRunDirectory, sweepDeadRuns } from '../../rig/run-directory.js';

const ROOT = new URL('../..', import.meta.url).pathname;
const compiled = await compile();

afterAll(async () => {
  await rm(compiled, { recursive: true });
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The victim runs in its own process, where Node cannot run our TypeScript, so the types are stripped here. */
async function compile(): Promise<string> {
  await mkdir(join(ROOT, '.stint'), { recursive: true });
  const target = await mkdtemp(join(ROOT, '.stint', 'victim-'));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', target], {
    cwd: ROOT,
  });
  await access(join(target, 'rig/engine/engine.js'));
  return target;
}

interface Victim {
  readonly child: ChildProcess;
  readonly base: string;
  readonly pids: Readonly<Record<'engine' | 'postgres' | 'container', number>>;
  readonly containerId: string;
}

/** In its own temporary directory, so that another run does not sweep it before this test has checked it. */
async function startVictim(): Promise<Victim> {
  const base = await mkdtemp(join(tmpdir(), 'stint-sweep-'));
  // The database's user must be able to enter it.
  await chmod(base, 0o711);
  vi.stubEnv('TMPDIR', base);
  const child = spawn(process.execPath, [join(ROOT, 'test/rig/victim.mjs'), compiled], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const [line] = await once(lines, 'line');
  return { child, base, ...JSON.parse(line) };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await until(() => child.signalCode !== null, { limitMs: 5000, what: 'the victim to die' });
}

async function isGone(pid: number): Promise<boolean> {
  return (await findStartTime(pid)) === undefined;
}

/** Processes, mounts, files and control groups that still belong to the victim. */
async function findTraces({ base, containerId, pids }: Victim): Promise<string[]> {
  const traces = (await isGone(pids.container)) ? [] : ['the container'];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.includes(base)) traces.push(commandLine.replaceAll('\0', ' '));
  }
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  traces.push(...mounts.filter((line) => line.includes(base)));
  traces.push(...(await readdir(join(base, `stint-rig-${process.getuid?.()}`))));
  for (const hierarchy of await readdir('/sys/fs/cgroup'))
    traces.push(
      ...(await readdir(join('/sys/fs/cgroup', hierarchy, 'docker')).catch(() => [])).filter(
        (id) => id === containerId,
      ),
    );
  return traces;
}

test('servers end by themselves when the process that started them is killed', async () => {
  const victim = await startVictim();

  await kill(victim.child);

  for (const part of ['engine', 'postgres'] as const)
    await until(() => isGone(victim.pids[part]), { limitMs: 20_000, what: `${part} to end` });
  // Most often the engine has stopped its container. The kernel signals a child once for each thread of its parent that
  // hands it on while the process dies, and an engine that gets SIGTERM three times ends at once.
  await sweepDeadRuns();
  expect(await findTraces(victim)).toEqual([]);
  await rm(victim.base, { recursive: true });
});

test('the next run removes what a crash of all processes at once left behind', async () => {
  const victim = await startVictim();

  process.kill(victim.pids.engine, 'SIGKILL');
  await kill(victim.child);
  const containerSurvived = !(await isGone(victim.pids.container));
  await sweepDeadRuns();

  expect(containerSurvived).toBe(true);
  expect(await findTraces(victim)).toEqual([]);
  await rm(victim.base, { recursive: true });
});

test('a run that is still alive is not swept', async () => {
  const directory = await createRunDirectory('living');

  const swept = await sweepDeadRuns();

  expect(swept).not.toContain(directory);
  await access(directory);
  await rm(directory, { recursive: true });
});
