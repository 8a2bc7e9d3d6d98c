// Reads what is new of jobs that somebody watches: of all of them in one statement.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A job whose output, or what it writes to a pipe, is known up to a chunk. */
export interface WatchedJob {
  readonly id: string;
  /** The name of a pipe; empty: its output. */
  readonly pipe: string;
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
  const pipes = arrayText(watched.map(({ pipe }) => `"${pipe}"`));
  const seqs = arrayText(watched.map(({ seq }) => seq));
  return guarded(
    () => sql<WatchedNews[]>`
      select id, pipe, seq, has_output, has_ended from (
        select watched.id, pipe, watched.seq, jobs.id is null or jobs.finished_at is not null as has_ended,
               case when pipe = ''
                 then exists (select from job_output where job_id = watched.id and job_output.seq >= watched.seq)
                 else exists (select from job_pipes where job_id = watched.id and name = pipe and job_pipes.seq >= watched.seq)
               end as has_output
        from unnest(${ids}::text[], ${pipes}::text[], ${seqs}::integer[]) as watched (id, pipe, seq)
        left join jobs on jobs.id = watched.id
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
export async function readChunks(
  sql: Sql,
  { id, pipe, seq }: WatchedJob,
  limit: number,
): Promise<StoredChunk[]> {
  const rows = await guarded(() =>
    pipe === ''
      ? sql<ChunkRow[]>`
          select seq, position, to_jsonb(runs) as runs, bytes from job_output
          where job_id = ${id} and seq >= ${seq}
          order by seq limit ${limit}`
      : sql<ChunkRow[]>`
          select seq, position, jsonb_build_array(length(bytes)) as runs, bytes from job_pipes
          where job_id = ${id} and name = ${pipe} and seq >= ${seq}
          order by seq limit ${limit}`,
  );
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}

/** Numbers beyond 32 bits come as text. */
type ChunkRow = Omit<StoredChunk, 'position'> & { readonly position: string };

/** The number that the next chunk of a job's output, or of a pipe of it, will have. */
export async function readNextChunk(
  sql: Sql,
  { id, pipe }: Pick<WatchedJob, 'id' | 'pipe'>,
): Promise<number> {
  const [row] = await guarded(() =>
    pipe === ''
      ? sql<{ next: number }[]>`
          select coalesce(max(seq) + 1, 0)::integer as next from job_output where job_id = ${id}`
      : sql<{ next: number }[]>`
          select coalesce(max(seq) + 1, 0)::integer as next from job_pipes where job_id = ${id} and name = ${pipe}`,
  );
  return row?.next ?? 0;
}
