import type { ClaimKey } from './claim.js';
import { arrayText, type Sql } from './connection.js';
import { guarded } from './errors.js';
import { fenced } from './fence.js';

/** A chunk to be stored, and which older chunks give way for it. */
export interface NewChunk {
  readonly seq: number;
  /** Bytes the job printed before this chunk. */
  readonly position: number;
  /** Lengths in order of arrival, positive for stdout, negative for stderr. */
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
  /** Chunks of the tail that are dropped, both ends included. */
  readonly drop: { readonly from: number; readonly to: number } | undefined;
}

/** Stores a chunk durably, only while the claim is ours. May be repeated: the same chunk is stored once. */
export async function appendOutput(sql: Sql, claim: ClaimKey, chunk: NewChunk): Promise<void> {
  const from = chunk.drop?.from ?? 0;
  const to = chunk.drop?.to ?? -1;
  await fenced(() =>
    guarded(
      () => sql<{ seq: number }[]>`
        with ours as (
          select id from jobs
          where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running', 'stopping')
        ), dropped as (
          delete from job_output using ours where job_id = ours.id and seq between ${from} and ${to}
        )
        insert into job_output (job_id, seq, position, runs, bytes)
        select id, ${chunk.seq}, ${chunk.position}, ${arrayText(chunk.runs)}::integer[], ${chunk.bytes}::bytea from ours
        on conflict (job_id, seq) do update set position = excluded.position
        returning seq`,
    ),
  );
}
