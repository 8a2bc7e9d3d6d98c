// Routes of single processes, by pid.

import type { AppParts } from '../parts.js';
import type { ApiContext } from '../request/env.js';
import { showProcess, stopProcess } from './actions.js';
import { answerJson } from './errors.js';
import { findProcess } from './find.js';
import { type Add, askerOf, tellJob } from './request.js';
import { readSignal } from './signals.js';
import { toWireStats } from './stats.js';

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
  const { id, shown } = await showProcess(pidIn(c), askerOf(c, parts));
  tellJob(c, id);
  return answerJson(c, shown);
}

async function stop(c: ApiContext, parts: AppParts): Promise<Response> {
  tellJob(c, await stopProcess(pidIn(c), askerOf(c, parts)));
  return answerJson(c, { ok: true }, 202);
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
