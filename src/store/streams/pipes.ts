// Stores what programs write to their named pipes, under the fence, and reads where an adopted job continues.
import type { ClaimKey } from '../jobs/claim.js';
import { fenced } from '../jobs/fence.js';
import type { NewChunk } from '../jobs/output.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { forgetting } from '../postgres/forgetting.js';

/** A chunk of what came through one pipe. */
export type NewPipeChunk = Pick<NewChunk, 'seq' | 'position' | 'bytes' | 'drop'>;

/** Stores a chunk while the claim is ours. May be repeated: the same chunk is stored once. Throws `FencedError`. */
export async function appendPipe(
  sql: Sql,
  claim: ClaimKey,
  name: string,
  chunk: NewPipeChunk,
): Promise<void> {
  const { from, to } = chunk.drop ?? { from: 0, to: -1 };
  await fenced(() =>
    guarded(() =>
      forgetting(sql<{ seq: number }[]>`
        with ours as (
          select id from jobs
          where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running', 'stopping')
        ), dropped as (
          delete from job_pipes using ours where job_id = ours.id and name = ${name} and seq between ${from} and ${to}
        )
        insert into job_pipes (job_id, name, seq, position, bytes)
        select id, ${name}, ${chunk.seq}, ${chunk.position}, ${chunk.bytes}::bytea from ours
        on conflict (job_id, name, seq) do update set position = excluded.position
        returning seq`),
    ),
  );
}

/** A chunk that is stored. */
export interface PipeChunk {
  readonly name: string;
  readonly seq: number;
  readonly position: number;
  readonly length: number;
}

/** What is stored of all pipes of a job, in order. Read only after the adoption, as `readOutputState` is. */
export async function readPipeChunks(sql: Sql, jobId: string): Promise<PipeChunk[]> {
  const rows = await guarded(
    () => sql<(Omit<PipeChunk, 'position'> & { position: string })[]>`
      select name, seq, position, length(bytes) as length from job_pipes
      where job_id = ${jobId}
      order by name, seq`,
  );
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}
