// Deletes several jobs, each with an answer of its own.

import { RefusedError } from '../../job/errors.js';
import { parseJobId } from '../../job/id.js';
import type { Job } from '../../job/job.js';
import type { Caller, Reach } from '../../job/owner.js';
import type { Queue } from '../../queue/queue.js';
import { faultOf } from '../request/errors.js';
import { parseJson } from '../request/json.js';
import { isObject } from '../request/readers.js';
import { describe } from '../request/sentence.js';
import { errorOf, refused, type WireError } from './errors.js';
import { findNameProblem, findProjectProblem } from './names.js';

/** Each entry costs a few statements. */
const mostEntries = 1000;

/** The entries of a body, not yet looked at one by one. Throws `RefusedError` where it is no list. */
export async function readEntries(body: Buffer): Promise<readonly unknown[]> {
  const parsed = await parseJson(body, 'the body', { namesDepth: 2, isShort: true });
  if ('problem' in parsed) throw refused([parsed.problem]);
  const { value } = parsed;
  const entries = isObject(value) ? [value] : value;
  if (!Array.isArray(entries))
    throw refused([`Expected the body to be a list of jobs, got ${describe(value)}.`]);
  if (entries.length > mostEntries)
    throw refused([`Expected the body to list at most ${mostEntries} jobs, got ${entries.length}.`]);
  return entries;
}

interface Asker {
  readonly queue: Queue;
  readonly reach: Reach;
  readonly caller: Caller;
}

type Removed = { readonly name: string } & ({ ok: true } | { ok: false; error: WireError });

/** In the order of the entries. One that cannot be deleted does not stop the others. */
export async function removeAll(entries: readonly unknown[], asker: Asker): Promise<Removed[]> {
  const answers: Removed[] = [];
  for (const entry of entries) answers.push(await removeEntry(entry, asker));
  return answers;
}

async function removeEntry(entry: unknown, asker: Asker): Promise<Removed> {
  const name = isObject(entry) && typeof entry.name === 'string' ? entry.name : '';
  try {
    const wanted = readEntry(entry);
    const job = await findJob(wanted, asker);
    await asker.queue.unlist(job.id, asker.reach, asker.caller);
    return { name, ok: true };
  } catch (error) {
    const fault = faultOf(error);
    if (fault.kind === 'bug') throw error;
    return { name, ok: false, error: errorOf(fault) };
  }
}

export interface WantedJob {
  readonly project: string;
  readonly name: string;
}

function readEntry(entry: unknown): WantedJob {
  if (!isObject(entry))
    throw refused([`Expected each entry to be an object with name and project, got ${describe(entry)}.`]);
  const { name, project } = entry;
  if (typeof name !== 'string' || name === '') throw refused([`name is required, got ${describe(name)}.`]);
  if (typeof project !== 'string' || project === '')
    throw refused([`project is required, got ${describe(project)}.`]);
  return { name, project };
}

/** By its name in its project; else by its id, which is valid in every door. Throws `not_found`. */
export async function findJob(
  { project, name }: WantedJob,
  { queue, reach }: Pick<Asker, 'queue' | 'reach'>,
): Promise<Job> {
  const named = await findNamed({ project, name }, { queue, reach });
  if (named !== undefined) return named;
  const id = parseJobId(name);
  const missing = new RefusedError('not_found', `${project}/${name}`.slice(0, longestShown));
  if (id === undefined) throw missing;
  return queue.get(id, reach).catch((error: unknown) => {
    throw isMissing(error) ? missing : error;
  });
}

/** What no job can be called is not looked up: Postgres would not even take all of it. */
async function findNamed(
  { project, name }: WantedJob,
  { queue, reach }: Pick<Asker, 'queue' | 'reach'>,
): Promise<Job | undefined> {
  if (findProjectProblem(project) !== undefined || findNameProblem(name) !== undefined) return undefined;
  return queue.find({ door: 'runai', project, name }, reach).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

/** A name and a project that exist are shorter. */
const longestShown = 200;

function isMissing(error: unknown): boolean {
  return error instanceof RefusedError && error.code === 'not_found';
}
