// Reads the output of a job batch by batch, so that a long one is never in memory as a whole.

import type { OutputChunk } from '../jobs/reads.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

export interface OutputBatch {
  readonly chunks: readonly OutputChunk[];
  /** The number of its last chunk; of an empty batch the one it was to follow. */
  readonly lastSeq: number;
  /** Nothing followed it when it was read. */
  readonly isLast: boolean;
}

/** A batch ends with the chunk that makes it so long. */
const batchBytes = 256 * 1024;
const mostChunks = 1_000;

interface BatchRow {
  readonly seq: number;
  /** Numbers beyond 32 bits come as text. */
  readonly position: string;
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
}

/** The chunks after the one with this number; -1: from the first one on. Sizes are known without reading the bytes. */
export async function readOutputBatch(sql: Sql, jobId: string, afterSeq: number): Promise<OutputBatch> {
  const rows = await guarded(
    () => sql<BatchRow[]>`
      select seq, position, to_jsonb(runs) as runs, bytes from (
        select *, sum(length(bytes)) over (order by seq) - length(bytes) as before from (
          select seq, position, runs, bytes from job_output
          where job_id = ${jobId} and seq > ${afterSeq}
          order by seq limit ${mostChunks}
        ) as next
      ) as counted
      where before < ${batchBytes}
      order by seq`,
  );
  const chunks = rows.map(({ position, runs, bytes }) => ({ position: Number(position), runs, bytes }));
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
  return {
    chunks,
    lastSeq: rows.at(-1)?.seq ?? afterSeq,
    isLast: bytes < batchBytes && rows.length < mostChunks,
  };
}

export interface OutputSizes {
  readonly bytes: number;
  /** Bytes between the kept ones that were dropped. */
  readonly dropped: number;
}

/** What is stored of all these jobs together. */
export async function readOutputSizes(sql: Sql, jobIds: readonly string[]): Promise<OutputSizes> {
  const [row] = await guarded(
    () => sql<{ bytes: number; dropped: number }[]>`
      select coalesce(sum(stored), 0)::float8 as bytes, coalesce(sum(printed - stored), 0)::float8 as dropped from (
        select sum(length(bytes)) as stored, max(position + length(bytes)) as printed from job_output
        where job_id = any(${arrayText(jobIds)}::text[])
        group by job_id
      ) as sizes`,
  );
  return { bytes: row?.bytes ?? 0, dropped: row?.dropped ?? 0 };
}
