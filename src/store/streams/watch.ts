// Reads what is new of jobs that somebody watches: of all of them in one statement.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A job whose output is known up to a chunk. */
export interface WatchedJob {
  readonly id: string;
  /** The number of the first chunk that is not known. */
  readonly seq: number;
}

/** What is to be read of a watched job. */
export interface WatchedNews extends WatchedJob {
  readonly hasOutput: boolean;
  /** It has ended, or is gone. */
  readonly hasEnded: boolean;
}

/** Those of the watched jobs that have more output or have ended. Reads some blocks for each, whatever else is stored. */
export async function readWatched(sql: Sql, watched: readonly WatchedJob[]): Promise<WatchedNews[]> {
  const ids = arrayText(watched.map(({ id }) => id));
  const seqs = arrayText(watched.map(({ seq }) => seq));
  return guarded(
    () => sql<WatchedNews[]>`
      select id, seq, has_output, has_ended from (
        select watched.id, watched.seq, jobs.id is null or jobs.finished_at is not null as has_ended,
               exists (select from job_output where job_id = watched.id and job_output.seq >= watched.seq) as has_output
        from unnest(${ids}::text[], ${seqs}::integer[]) as watched (id, seq) left join jobs on jobs.id = watched.id
      ) as news
      where has_output or has_ended`,
  );
}

/** A chunk of output; `migrations/0002_job_output.sql` explains `runs` and `position`. */
export interface StoredChunk {
  readonly seq: number;
  readonly position: number;
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
}

/** The next chunks from this number on: of very many the first `limit`. */
export async function readChunks(sql: Sql, { id, seq }: WatchedJob, limit: number): Promise<StoredChunk[]> {
  const rows = await guarded(
    () => sql<(Omit<StoredChunk, 'position'> & { position: string })[]>`
      select seq, position, to_jsonb(runs) as runs, bytes from job_output
      where job_id = ${id} and seq >= ${seq}
      order by seq limit ${limit}`,
  );
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}

/** The number that the next chunk of a job will have. */
export async function readNextChunk(sql: Sql, jobId: string): Promise<number> {
  const [row] = await guarded(
    () => sql<{ next: number }[]>`
      select coalesce(max(seq) + 1, 0)::integer as next from job_output where job_id = ${jobId}`,
  );
  return row?.next ?? 0;
}
