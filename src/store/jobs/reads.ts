// Reads jobs and output without changing anything: find, list, count, tail.
import { and, asc, count, desc, eq, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type { Door, Job, JobName } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { FailureReason, JobState } from '../../job/state.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { jobOutput, jobs } from '../postgres/schema.js';
import { listable } from './requests.js';
import { type JobRow, jobColumns, toJob } from './rows.js';

/** A stored job, and whether its output is complete. */
export interface StoredJob {
  readonly job: Job;
  readonly outputComplete: boolean;
  readonly outputFlaw: string | undefined;
}

/** Finds a job within reach; undefined for a missing job and for a foreign one. */
export async function findJob(
  db: PostgresJsDatabase,
  id: string,
  reach: Reach,
): Promise<StoredJob | undefined> {
  const rows = await guarded(() =>
    db
      .select()
      .from(jobs)
      .where(and(eq(jobs.id, id), within(reach))),
  );
  return rows[0] && stored(rows[0]);
}

/** A job by the name it is listed under in its own door; undefined for a missing job and for a foreign one. */
export async function findNamedJob(
  db: PostgresJsDatabase,
  { door, project, name }: JobName,
  reach: Reach,
): Promise<StoredJob | undefined> {
  const named = and(eq(jobs.jobName, name), sql`coalesce(${jobs.project}, '') = ${project ?? ''}`);
  const rows = await guarded(() =>
    db
      .select()
      .from(jobs)
      .where(and(listedIn(door), named, within(reach)))
      .orderBy(desc(jobs.seq))
      .limit(1),
  );
  return rows[0] && stored(rows[0]);
}

export interface ListFilter {
  readonly skip: number;
  readonly limit: number;
  readonly queue?: string;
  /** Only jobs that this door still lists. */
  readonly door?: Door;
  readonly project?: string;
  readonly states?: readonly { state: JobState; reason?: string; exceptReason?: string }[];
}

/** A page of jobs, newest first, and how many there are in all. */
export async function listJobs(
  db: PostgresJsDatabase,
  filter: ListFilter,
  reach: Reach,
): Promise<{ jobs: StoredJob[]; total: number }> {
  const { queue, door, project, states } = filter;
  const inProject = project === undefined ? undefined : eq(jobs.project, project);
  const wanted = and(within(reach), inQueue(queue), listedIn(door), inProject, inStates(states));
  const [rows, totals] = await Promise.all([
    guarded(() =>
      db.select().from(jobs).where(wanted).orderBy(desc(jobs.seq)).limit(filter.limit).offset(filter.skip),
    ),
    guarded(() => db.select({ total: count() }).from(jobs).where(wanted)),
  ]);
  return { jobs: rows.map(stored), total: totals[0]?.total ?? 0 };
}

/**
 * The jobs that a door lists, newest first, `limit` at most. It reads the index of listed jobs, never the history: `door <>`
 * is as that index has it, and `seq + 0` keeps the planner from walking back through all jobs in their order instead.
 */
export async function listListed(
  client: Sql,
  { door, project = null, limit }: { door: Door; project?: string | null; limit: number },
  reach: Reach,
): Promise<Job[]> {
  const rows = await guarded(
    () => client<JobRow[]>`
      select ${jobColumns(client, 'jobs')} from jobs
      where door = ${door} and door <> 'gostint' and unlisted_at is null
        and ${listable(client, reach)} and (${project}::text is null or project = ${project})
        and coalesce(clock_timestamp() < finished_at + unlist_after_ms * interval '1 millisecond', true)
      order by seq + 0 desc limit ${limit}`,
  );
  return rows.map(toJob);
}

/** Number of stored jobs by state and reason. */
export async function countJobs(
  db: PostgresJsDatabase,
): Promise<{ state: JobState; reason: FailureReason | null; count: number }[]> {
  const columns = { state: jobs.state, reason: jobs.reason, count: count() };
  return guarded(() => db.select(columns).from(jobs).groupBy(jobs.state, jobs.reason));
}

/** One chunk of output as it was stored; `migrations/0002_job_output.sql` explains `runs` and `position`. */
export interface OutputChunk {
  readonly position: number;
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
}

/** All chunks of a job, or only the last ones that together contain the last `tailBytes`. */
export async function readOutput(
  db: PostgresJsDatabase,
  jobId: string,
  tailBytes: number | undefined,
): Promise<OutputChunk[]> {
  const columns = { position: jobOutput.position, runs: jobOutput.runs, bytes: jobOutput.bytes };
  const chunks = db.select(columns).from(jobOutput);
  if (tailBytes === undefined) {
    return guarded(() => chunks.where(eq(jobOutput.jobId, jobId)).orderBy(asc(jobOutput.seq)));
  }
  const end = sql`(select max(position + length(bytes)) from job_output where job_id = ${jobId})`;
  const late = sql`${jobOutput.position} + length(${jobOutput.bytes}) > ${end} - ${tailBytes}`;
  return guarded(() => chunks.where(and(eq(jobOutput.jobId, jobId), late)).orderBy(asc(jobOutput.seq)));
}

function stored(row: typeof jobs.$inferSelect): StoredJob {
  return { job: toJob(row), outputComplete: row.outputComplete, outputFlaw: row.outputFlaw ?? undefined };
}

/** As `placeOfJob`. */
const place = sql`coalesce(${jobs.queue}, case when ${jobs.isParent} then
  (select child.queue from jobs as child where child.parent = ${jobs.id} order by child.seq limit 1) end)`;

function within(reach: Reach): SQL | undefined {
  if (reach.everyone) return undefined;
  const { ownerKey, queues = [] } = reach;
  const named = queues.filter((name) => name !== null);
  return or(
    eq(jobs.ownerKey, ownerKey),
    named.length === 0 ? undefined : inArray(place, named),
    queues.includes(null) ? isNull(place) : undefined,
  );
}

/** A job that ended, and whose time in the lists is over since, need not be taken off by anybody. */
const inTime = sql`coalesce(clock_timestamp() < ${jobs.finishedAt} + ${jobs.unlistAfterMs} * interval '1 millisecond', true)`;

function listedIn(door: Door | undefined): SQL | undefined {
  return door === undefined ? undefined : and(eq(jobs.door, door), isNull(jobs.unlistedAt), inTime);
}

function inQueue(queue: string | undefined): SQL | undefined {
  return queue === undefined ? undefined : eq(jobs.queue, queue);
}

function inStates(states: ListFilter['states']): SQL | undefined {
  return states === undefined ? undefined : or(sql`false`, ...states.map(inState));
}

function inState(wanted: { state: JobState; reason?: string; exceptReason?: string }): SQL | undefined {
  const reason = wanted.reason === undefined ? undefined : sql`${jobs.reason} = ${wanted.reason}`;
  const except =
    wanted.exceptReason === undefined
      ? undefined
      : sql`${jobs.reason} is distinct from ${wanted.exceptReason}`;
  return and(eq(jobs.state, wanted.state), reason, except);
}
