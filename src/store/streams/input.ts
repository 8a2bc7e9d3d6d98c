// Stores what is sent to standard inputs and pipes of jobs, and gives it to the node that runs them.
import type { ClaimKey } from '../jobs/claim.js';
import { fenced } from '../jobs/fence.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** What a row costs beside its bytes: very many small pieces would be slow to count and to take. */
const bytesOfRow = 256;

export interface NewInput {
  readonly jobId: string;
  /** The name of a pipe; empty: standard input. */
  readonly pipe: string;
  readonly sealed: Uint8Array;
}

/**
 * Stores a piece for a job that has not ended. `full`: with it more than `mostBytes` would wait. `ended`: the program will read
 * nothing any more.
 */
export async function addInput(
  sql: Sql,
  { jobId, pipe, sealed }: NewInput,
  mostBytes: number,
): Promise<'stored' | 'full' | 'ended'> {
  const [row] = await guarded(
    () => sql<{ isOpen: boolean; isStored: boolean }[]>`
      with open as (
        select id from jobs
        where id = ${jobId} and state in ('queued', 'preparing', 'running') and kill_requested_at is null
        for key share
      ), waiting as (
        select coalesce(sum(length(job_input.sealed) + ${bytesOfRow}::int), 0) as bytes from job_input where job_id = ${jobId}
      ), stored as (
        insert into job_input (job_id, pipe, sealed)
        select open.id, ${pipe}, ${sealed}::bytea from open, waiting
        where waiting.bytes + length(${sealed}::bytea) + ${bytesOfRow}::int <= ${mostBytes}::bigint
        returning seq
      )
      select exists (select from open) as is_open, exists (select from stored) as is_stored`,
  );
  if (row?.isStored === true) return 'stored';
  return row?.isOpen === true ? 'full' : 'ended';
}

/**
 * Takes what waits for a pipe of a job, in order, until this many bytes were taken: what waits behind them is not lost with a node that
 * dies. One piece at least. What is taken is not given again. Throws `FencedError`.
 */
export async function takeInput(
  sql: Sql,
  claim: ClaimKey,
  pipe: string,
  enoughBytes: number,
): Promise<readonly Uint8Array[]> {
  const rows = await fenced(() =>
    guarded(
      () => sql<{ sealed: Uint8Array | null }[]>`
        with ours as (
          select id from jobs where id = ${claim.id} and fence = ${claim.fence} and state in ('running', 'stopping')
        ), first as (
          select job_id, seq, sum(length(sealed)) over (order by seq) - length(sealed) as before
          from job_input where job_id in (select id from ours) and pipe = ${pipe}
        ), taken as (
          delete from job_input using first
          where job_input.job_id = first.job_id and job_input.seq = first.seq and first.before < ${enoughBytes}::bigint
          returning job_input.seq, sealed
        )
        select taken.sealed from ours left join taken on true order by taken.seq`,
    ),
  );
  return rows.flatMap(({ sealed }) => (sealed === null ? [] : [sealed]));
}

/** Deletes what nobody will read: the jobs have ended. Returns how much it deleted, at most `limit` pieces. */
export async function deleteStaleInput(sql: Sql, limit: number): Promise<number> {
  const rows = await guarded(
    () => sql<{ seq: string }[]>`
      with stale as (
        select job_input.job_id, job_input.seq from job_input join jobs on jobs.id = job_input.job_id
        where jobs.finished_at is not null
        limit ${limit} for update of job_input skip locked
      )
      delete from job_input using stale
      where job_input.job_id = stale.job_id and job_input.seq = stale.seq
      returning job_input.seq`,
  );
  return rows.length;
}
