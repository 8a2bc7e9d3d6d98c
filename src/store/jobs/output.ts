// Stores output chunks under the fence, and reads where a resumed output must continue.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { forgetting } from '../postgres/forgetting.js';
import type { ClaimKey } from './claim.js';
import { fenced } from './fence.js';

/** A chunk to be stored, and which older chunks are dropped for it. */
export interface NewChunk {
  readonly seq: number;
  /** Bytes the job printed before this chunk. */
  readonly position: number;
  /** Lengths in order of arrival, positive for stdout, negative for stderr. */
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
  /** The job's own bytes per stream that this chunk and those before it contain; see `migrations/0006_adoption.sql`. */
  readonly raw?: { readonly stdout: number; readonly stderr: number };
  /** Chunks of the tail that are dropped, both ends included. */
  readonly drop: { readonly from: number; readonly to: number } | undefined;
}

/** Stores a chunk while the claim is ours. May be repeated: the same chunk is stored once. */
export async function appendOutput(sql: Sql, claim: ClaimKey, chunk: NewChunk): Promise<void> {
  const from = chunk.drop?.from ?? 0;
  const to = chunk.drop?.to ?? -1;
  await fenced(() =>
    guarded(() =>
      forgetting(sql<{ seq: number }[]>`
        with ours as (
          select id from jobs
          where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running', 'stopping')
        ), dropped as (
          delete from job_output using ours where job_id = ours.id and seq between ${from} and ${to}
        )
        insert into job_output (job_id, seq, position, runs, bytes, raw_stdout, raw_stderr)
        select id, ${chunk.seq}, ${chunk.position}, ${arrayText(chunk.runs)}::integer[], ${chunk.bytes}::bytea,
               ${chunk.raw?.stdout ?? null}::bigint, ${chunk.raw?.stderr ?? null}::bigint
        from ours
        on conflict (job_id, seq) do update set position = excluded.position
        returning seq`),
    ),
  );
}

/** What is stored of a job's output, for the run that continues it. */
export interface StoredOutputState {
  /** The number of the next chunk. */
  readonly seq: number;
  /** Bytes before the next chunk, stored or dropped. */
  readonly position: number;
  /** Undefined when the last chunk does not record it. */
  readonly raw: { readonly stdout: number; readonly stderr: number } | undefined;
  /** The stored chunks, in order. */
  readonly kept: readonly { readonly seq: number; readonly length: number }[];
}

interface ChunkRow {
  readonly seq: number;
  readonly length: number;
  /** Numbers beyond 32 bits come as text. */
  readonly position: string;
  readonly rawStdout: string | null;
  readonly rawStderr: string | null;
}

/** Read only after the adoption: until the fence is raised, an earlier claim may store another chunk. */
export async function readOutputState(sql: Sql, jobId: string): Promise<StoredOutputState> {
  const rows = await guarded(
    () => sql<ChunkRow[]>`
      select seq, length(bytes) as length, position, raw_stdout, raw_stderr from job_output
      where job_id = ${jobId}
      order by seq`,
  );
  const last = rows.at(-1);
  const kept = rows.map(({ seq, length }) => ({ seq, length }));
  if (last === undefined) return { seq: 0, position: 0, raw: { stdout: 0, stderr: 0 }, kept };
  return { seq: last.seq + 1, position: Number(last.position) + last.length, raw: rawOf(last), kept };
}

function rawOf({ rawStdout, rawStderr }: ChunkRow): StoredOutputState['raw'] {
  if (rawStdout === null || rawStderr === null) return undefined;
  return { stdout: Number(rawStdout), stderr: Number(rawStderr) };
}
