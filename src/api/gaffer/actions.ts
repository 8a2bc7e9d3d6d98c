// What clients do with loaded jobs and processes, whether by a request or by a command over a WebSocket.

import type { ParentView } from '../../job/parents/planner.js';
import { fullName, toWireProcess } from './answer.js';
import {
  type Asker,
  type FullName,
  findLoaded,
  findParent,
  findProcess,
  listLoaded,
  notFound,
  revise,
} from './find.js';
import { toWireJobStats } from './stats.js';
import { type Change, type Scaling, scale } from './supervision/changes.js';
import { aliveOf, pidOf, progressOf } from './supervision/progress.js';

/** In the order in which each got its first job. */
export async function listSessions(asker: Asker): Promise<(string | undefined)[]> {
  const jobs = await listLoaded(asker);
  return [...new Set(jobs.map(({ label }) => label.project))];
}

/** The new target. */
export async function scaleJob(view: ParentView, scaling: Scaling, asker: Asker): Promise<number> {
  let numprocesses = progressOf(view).target;
  const change = (current: ParentView) => {
    const scaled = scale(current, scaling);
    numprocesses = scaled.progress.target;
    return scaled;
  };
  await revise(view, 'gaffer_scaled', { asker, change });
  return numprocesses;
}

/** Its place is filled again at once: nothing changes of the job but that its next step is taken. The id of the process. */
export async function stopProcess(pid: string, asker: Asker): Promise<string> {
  const job = await findProcess(pid, asker);
  await asker.queue.unlist(job.id, asker.reach, asker.caller);
  await revise(await findParent(job, asker), 'gaffer_process_stopped', { asker, change: unchanged });
  return job.id;
}

/** Each place is filled again. */
export async function stopProcesses(view: ParentView, asker: Asker): Promise<void> {
  for (const { id } of aliveOf(view)) await asker.queue.unlist(id, asker.reach, asker.caller);
  await revise(view, 'gaffer_process_stopped', { asker, change: unchanged });
}

/** Stored, so that the job is carried on. */
function unchanged(view: ParentView): Change {
  return { progress: progressOf(view) };
}

export async function signalAll(view: ParentView, signal: number, asker: Asker): Promise<void> {
  for (const { id } of aliveOf(view)) await asker.processes.signal(id, asker.reach, signal);
}

/** What is known of a process, and the id of its job. */
export async function showProcess(pid: string, asker: Asker) {
  const job = await findProcess(pid, asker);
  const view = await findParent(job, asker);
  const child = view.active.find(({ id }) => id === job.id);
  if (child === undefined) throw notFound(); // It has ended since.
  const usage = await asker.processes.usage(job.id, asker.reach);
  return { id: job.id, shown: toWireProcess({ view, child, osPid: usage?.osPid }) };
}

export async function showStats(name: FullName, asker: Asker) {
  const view = await findLoaded(name, asker);
  const used = aliveOf(view).map(async (child) => {
    return { pid: pidOf(child), usage: await asker.processes.usage(child.id, asker.reach) };
  });
  return toWireJobStats(fullName(view.label), await Promise.all(used));
}
