// Finds loaded jobs and processes by the names that gaffer's clients have for them, or by the id of any job.

import { RefusedError } from '../../job/errors.js';
import { parseJobId } from '../../job/id.js';
import type { Job } from '../../job/job.js';
import { type Caller, ownerOf, type Reach } from '../../job/owner.js';
import type { ParentView } from '../../job/parents/planner.js';
import { isFinal } from '../../job/state.js';
import type { AppParts } from '../parts.js';
import { isAlive } from './states.js';
import type { Change } from './supervision/changes.js';
import { findNameProblem } from './template/wire.js';

/** Who asks, and what may be asked. */
export interface Asker extends Pick<AppParts, 'queue' | 'processes'> {
  readonly reach: Reach;
  readonly caller: Caller;
}

export interface FullName {
  readonly session: string;
  readonly label: string;
}

/** A job of this door that is loaded, or any other job. */
export type Found =
  | { readonly kind: 'loaded'; readonly view: ParentView }
  | { readonly kind: 'other'; readonly job: Job };

/** By its name, else by its id. Throws `not_found`. */
export async function find(name: FullName, asker: Asker): Promise<Found> {
  const job = (await findNamed(name, asker)) ?? (await findById(name.label, asker));
  if (!isLoaded(job)) return { kind: 'other', job };
  return { kind: 'loaded', view: await asker.queue.parent(job.id, asker.reach) };
}

/** Throws `not_found` for what was not loaded here. */
export async function findLoaded(name: FullName, asker: Asker): Promise<ParentView> {
  const found = await find(name, asker);
  if (found.kind === 'loaded') return found.view;
  throw notFound();
}

/** All that are loaded, in the order in which they were, of one session or of all. None is in one that cannot be. */
export async function listLoaded({ queue, reach }: Asker, session?: string): Promise<readonly Job[]> {
  if (session !== undefined && findNameProblem(session) !== undefined) return [];
  const project = session === undefined ? {} : { project: session };
  const jobs = await queue.listed({ door: 'gaffer', ...project }, reach);
  return jobs.filter(isLoaded).toReversed();
}

/** Oldest first. */
export async function listProcesses({ queue, reach }: Asker): Promise<readonly Job[]> {
  const jobs = await queue.listed({ door: 'gaffer' }, reach);
  return jobs.filter((job) => isProcess(job)).toReversed();
}

/** One that nobody asked to stop. Throws `not_found`. */
export async function findProcess(pid: string, { queue, reach }: Asker): Promise<Job> {
  if (pid.length > longestPid) throw notFound();
  const job = await queue.find({ door: 'gaffer', project: undefined, name: pid }, reach);
  if (isProcess(job)) return job;
  throw notFound();
}

const longestPid = 10;

function isProcess(job: Job): boolean {
  return job.parent !== undefined && isAlive(job, job.killRequestedAt !== undefined);
}

/** The loaded job of a process. */
export async function findParent({ parent = '' }: Job, { queue, reach }: Asker): Promise<ParentView> {
  return queue.parent(parent, reach);
}

/** Changes a loaded job; when it returns, what follows has been started. */
export async function revise(
  { id }: ParentView,
  what: string,
  { asker, change }: { asker: Asker; change: (view: ParentView) => Change | undefined },
): Promise<void> {
  const actor = ownerOf(asker.caller).key;
  await asker.queue.revise(id, asker.reach, { kind: what, actor, change });
}

/** Killed at another door it is loaded no more. */
export function isLoaded({ door, isParent, state }: Job): boolean {
  return door === 'gaffer' && isParent && !isFinal(state);
}

/** What no job can be called is not looked up: Postgres would not even take all of it. */
async function findNamed({ session, label }: FullName, { queue, reach }: Asker): Promise<Job | undefined> {
  if ([session, label].some((name) => findNameProblem(name) !== undefined)) return undefined;
  const job = await queue.find({ door: 'gaffer', project: session, name: label }, reach).catch(unlessMissing);
  return job !== undefined && isLoaded(job) ? job : undefined;
}

async function findById(label: string, { queue, reach }: Asker): Promise<Job> {
  const id = parseJobId(label);
  if (id === undefined) throw notFound();
  return queue.get(id, reach);
}

export function unlessMissing(error: unknown): undefined {
  if (error instanceof RefusedError && error.code === 'not_found') return undefined;
  throw error;
}

export function notFound(): RefusedError {
  return new RefusedError('not_found', 'not found');
}
