// Finds the job that a path names: by LOPCO's own id, or by the id that is valid at every door.

import { RefusedError } from '../../job/errors.js';
import { parseJobId } from '../../job/id.js';
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import { isFinal } from '../../job/state.js';
import type { AppParts } from '../parts.js';
import { isJobName } from './names.js';

type Parts = Pick<AppParts, 'queue' | 'history'>;

/** Clients tell active jobs from ended ones by where they are found. Throws `not_found`. */
export async function findActive({ queue }: Parts, text: string, reach: Reach): Promise<Job> {
  const name = { door: 'lopco' as const, project: undefined, name: text };
  const job = isJobName(text) ? await queue.find(name, reach) : await findById(queue, text, reach);
  if (isFinal(job.state)) throw notFound();
  return job;
}

/** The latest run that has ended, also while another one is active. */
export async function findEnded({ queue, history }: Parts, text: string, reach: Reach): Promise<Job> {
  const job = isJobName(text) ? await history.latest(text, reach) : await findById(queue, text, reach);
  if (job === undefined || !isFinal(job.state)) throw notFound();
  return job;
}

async function findById(queue: Parts['queue'], text: string, reach: Reach): Promise<Job> {
  const id = parseJobId(text);
  if (id === undefined) throw notFound();
  return await queue.get(id, reach);
}

function notFound(): RefusedError {
  return new RefusedError('not_found', 'not found');
}
