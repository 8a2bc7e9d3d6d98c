// Removes a run's directory and every process, mount and control group that uses it.
import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand, until } from './process.js';

/** Kills every server and container that uses the directory, then unmounts and deletes it. May be repeated. */
export async function removeDirectoryAndUsers(directory: string): Promise<void> {
  await killUsers(directory);
  await removeShimSockets(directory);
  await unmountAll(directory);
  await removeControlGroups(directory);
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

async function killUsers(directory: string): Promise<void> {
  const killAll = async () => {
    const pids = await usersOf(directory);
    for (const pid of pids) killQuietly(pid);
    return pids.length === 0;
  };
  await until(killAll, { limitMs: 15_000, what: `the processes of "${directory}" to end` });
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself between the check and the signal.
  }
}

async function usersOf(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const uses = await Promise.all(pids.map((pid) => isUser(pid, directory)));
  return pids.filter((_, index) => uses[index]);
}

/** Our servers have the directory on their command line; containers have their root file system in it. */
async function isUser(pid: number, directory: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (commandLine.includes(`${directory}/`)) return SERVERS.test(await programOf(pid));
  const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
  return mounts.split('\n').some((line) => line.split(' ')[4] === '/' && line.includes(`=${directory}/`));
}

/** Only programs that the rig starts: somebody may have a log file in the directory open in an editor. */
const SERVERS =
  /^(dockerd|docker-proxy|docker-init|containerd|containerd-shim.*|runc|postgres|initdb|docker-registry)$/;

async function programOf(pid: number): Promise<string> {
  const path = await readlink(`/proc/${pid}/exe`).catch(() => '');
  return basename(path.replace(/ \(deleted\)$/, ''));
}

/** Sockets of killed shims are outside our directory; only the shims' `address` files tell which are ours. */
async function removeShimSockets(directory: string): Promise<void> {
  const tasks = join(directory, 'exec/containerd/daemon/io.containerd.runtime.v2.task/moby');
  for (const task of await readdir(tasks).catch(() => [])) {
    const address = await readFile(join(tasks, task, 'address'), 'utf8').catch(() => '');
    if (address.startsWith(SHIM_SOCKETS)) await rm(address.slice('unix://'.length), { force: true });
  }
}

const SHIM_SOCKETS = 'unix:///run/containerd/s/';

async function unmountAll(directory: string): Promise<void> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const points = table.split('\n').map((line) => line.split(' ')[4] ?? '');
  const inside = points.filter((point) => point.startsWith(`${directory}/`)).toReversed();
  // Lazily, because the last thread of a killed container may use its root for another moment.
  for (const point of inside) await runCommand('umount', ['--lazy', point]).catch(() => undefined);
}

/** A killed engine leaves a control group for each container in each hierarchy. */
async function removeControlGroups(directory: string): Promise<void> {
  const ids = await readdir(join(directory, 'data/containers')).catch(() => []);
  const hierarchies = (await readdir('/sys/fs/cgroup').catch(() => [])).map(
    (name) => `/sys/fs/cgroup/${name}`,
  );
  const groups = ['/sys/fs/cgroup', ...hierarchies].flatMap((path) =>
    ids.map((id) => join(path, 'docker', id)),
  );
  await Promise.all(groups.map((group) => rmdir(group).catch(() => undefined)));
}
