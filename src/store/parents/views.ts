// Reads parents and their children, and lets waiting parents begin.
import type { Door, Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import { ownerFilter } from '../jobs/requests.js';
import { type JobRow, jobColumns, toJob } from '../jobs/rows.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A parent as it is stored. */
export interface StoredParent {
  readonly job: Job;
  readonly revision: string;
  readonly progress: unknown;
  /** Of the login that its children share, while its token may be valid. */
  readonly tokenAccessor: string | null;
  /** Null once the parent has ended. */
  readonly sealed: Uint8Array | null;
  /** By the database's clock. */
  readonly now: Date;
}

/** Undefined for a missing job, for a foreign one, and for one that is no parent. */
export async function readParent(sql: Sql, id: string, reach: Reach): Promise<StoredParent | undefined> {
  const owner = ownerFilter(reach);
  const [row] = await guarded(
    () => sql<(JobRow & Omit<StoredParent, 'job'>)[]>`
      select ${jobColumns(sql, 'jobs')}, revision, progress, sealed, token_accessor, clock_timestamp() as now
      from parents join jobs on jobs.id = parents.job_id left join job_requests on job_requests.job_id = jobs.id
      where jobs.id = ${id} and (${owner}::text is null or owner_key = ${owner})`,
  );
  if (row === undefined) return undefined;
  const { revision, progress, sealed, tokenAccessor, now } = row;
  return { job: toJob(row), revision, progress, sealed, tokenAccessor, now };
}

/**
 * The children whose end the parent has not noted, oldest first. To be read after the parent itself. `seq + 0` keeps the planner
 * from walking through all jobs in their order, where one parent has most of them.
 */
export async function readOpenChildren(sql: Sql, parent: string): Promise<Job[]> {
  const rows = await guarded(
    () => sql<JobRow[]>`
      select ${jobColumns(sql, 'jobs')} from jobs where parent = ${parent} and not noted order by seq + 0`,
  );
  return rows.map(toJob);
}

/** The newest children, `limit` at most, oldest of them first. */
export async function listChildren(sql: Sql, parent: string, limit: number): Promise<Job[]> {
  const rows = await guarded(
    () => sql<JobRow[]>`
      select ${jobColumns(sql, 'jobs')} from jobs where parent = ${parent} order by seq desc limit ${limit}`,
  );
  return rows.map(toJob).toReversed();
}

/** Parents of these doors under way that are to be carried on now, the longest overdue first. */
export async function listDueParents(
  sql: Sql,
  doors: readonly Door[],
  limit: number,
): Promise<{ id: string }[]> {
  return guarded(
    () => sql<{ id: string }[]>`
      select id from parents join jobs on jobs.id = parents.job_id
      where due_at <= clock_timestamp() and state in ('preparing', 'running', 'stopping')
        and door = any(${arrayText(doors)}::text[])
      order by due_at limit ${limit}`,
  );
}

/** Lets waiting parents of a door begin while no more than `most` are under way; undefined: all of them. */
export async function admitParents(
  sql: Sql,
  door: Door,
  most: number | undefined,
  actor: string,
): Promise<{ id: string }[]> {
  return guarded(
    () => sql<{ id: string }[]>`
      select id from admit_parents(${door}, ${most ?? null}::integer, ${actor}) as id`,
  );
}
