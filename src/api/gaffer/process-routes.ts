// Routes of single processes, by pid.

import type { ParentView } from '../../job/parents/planner.js';
import type { AppParts } from '../parts.js';
import type { ApiContext } from '../request/env.js';
import { toWireProcess } from './answer.js';
import { answerJson } from './errors.js';
import { findParent, findProcess, notFound, revise } from './find.js';
import { type Add, askerOf, tellJob } from './request.js';
import { readSignal } from './signals.js';
import { toWireStats } from './stats.js';
import type { Change } from './supervision/changes.js';
import { progressOf } from './supervision/progress.js';

export function addProcesses(add: Add, parts: AppParts): void {
  const process = '/:pid{[1-9][0-9]*}';
  add(process, { GET: (c) => show(c, parts), DELETE: (c) => stop(c, parts) });
  add(`${process}/signal`, { POST: (c) => signal(c, parts) });
  add(`${process}/stats`, { GET: (c) => stats(c, parts) });
}

function pidIn(c: ApiContext): string {
  return c.req.param('pid') ?? '';
}

async function show(c: ApiContext, parts: AppParts): Promise<Response> {
  const asker = askerOf(c, parts);
  const job = await findProcess(pidIn(c), asker);
  tellJob(c, job.id);
  const view = await findParent(job, asker);
  const child = view.active.find(({ id }) => id === job.id);
  if (child === undefined) throw notFound(); // It has ended since.
  const usage = await parts.processes.usage(job.id, asker.reach);
  return answerJson(c, toWireProcess({ view, child, osPid: usage?.osPid }));
}

/** Its place is filled again at once: nothing changes of the job but that its next step is taken. */
async function stop(c: ApiContext, parts: AppParts): Promise<Response> {
  const asker = askerOf(c, parts);
  const job = await findProcess(pidIn(c), asker);
  tellJob(c, job.id);
  await asker.queue.unlist(job.id, asker.reach, asker.caller);
  await revise(await findParent(job, asker), 'gaffer_process_stopped', { asker, change: unchanged });
  return answerJson(c, { ok: true }, 202);
}

/** Stored, so that the job is carried on. */
function unchanged(view: ParentView): Change {
  return { progress: progressOf(view) };
}

async function signal(c: ApiContext, parts: AppParts): Promise<Response> {
  const read = await readSignal(c, parts);
  if (read instanceof Response) return read;
  const asker = askerOf(c, parts);
  const job = await findProcess(pidIn(c), asker);
  await parts.processes.signal(job.id, asker.reach, read);
  return answerJson(c, { ok: true }, 202);
}

async function stats(c: ApiContext, parts: AppParts): Promise<Response> {
  const asker = askerOf(c, parts);
  const job = await findProcess(pidIn(c), asker);
  return answerJson(c, { stats: toWireStats(await parts.processes.usage(job.id, asker.reach)) });
}
