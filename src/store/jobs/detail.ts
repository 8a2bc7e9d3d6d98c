// Reads everything stored about one job, with its events, for operators.
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { ownerFilter } from './requests.js';
import { type JobRow, jobColumns, toJob } from './rows.js';

/** Everything that is stored about a job, except its request and its output. */
export interface JobFacts {
  readonly job: Job;
  readonly fence: string | null;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly outputComplete: boolean;
  readonly outputFlaw: string | null;
  readonly tokenAccessor: string | null;
  readonly wrapExpiresAt: Date | null;
  /** Time since its kill was asked for, by the database's clock. */
  readonly killAgeMs: number | null;
}

type FactsRow = JobRow & Omit<JobFacts, 'job'> & { stdoutBytes: string; stderrBytes: string };

/** Undefined for a missing job and for a foreign one. */
export async function readJobFacts(sql: Sql, id: string, reach: Reach): Promise<JobFacts | undefined> {
  const owner = ownerFilter(reach);
  const [row] = await guarded(
    () => sql<FactsRow[]>`
      select ${jobColumns(sql, 'jobs')}, fence, stdout_bytes, stderr_bytes, token_accessor, wrap_expires_at,
             (extract(epoch from clock_timestamp() - kill_requested_at) * 1000)::float8 as kill_age_ms
      from jobs where id = ${id} and (${owner}::text is null or owner_key = ${owner})`,
  );
  if (row === undefined) return undefined;
  const { fence, outputComplete, outputFlaw, tokenAccessor, wrapExpiresAt, killAgeMs } = row;
  const sizes = { stdoutBytes: Number(row.stdoutBytes), stderrBytes: Number(row.stderrBytes) };
  return {
    job: toJob(row),
    fence,
    ...sizes,
    outputComplete,
    outputFlaw,
    tokenAccessor,
    wrapExpiresAt,
    killAgeMs,
  };
}

/** One line of a job's history. */
export interface EventRow {
  readonly at: Date;
  readonly kind: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Limit for a job that is postponed again and again for days: only its last events are shown. */
const maxEvents = 1_000;

/** Whether a node has prepared the job before, and so may have written another image into its row. */
export async function wasPrepared(sql: Sql, jobId: string): Promise<boolean> {
  const rows = await guarded(
    () =>
      sql<{ seq: string }[]>`select seq from events where job_id = ${jobId} and kind = 'prepared' limit 1`,
  );
  return rows.length > 0;
}

/** The last events of a job, oldest first. */
export async function readEvents(sql: Sql, jobId: string): Promise<EventRow[]> {
  return guarded(
    () => sql<EventRow[]>`
      select at, kind, actor, detail from (
        select seq, at, kind, actor, detail from events where job_id = ${jobId} order by seq desc limit ${maxEvents}
      ) as last order by seq`,
  );
}
