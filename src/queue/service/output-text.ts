// Assembles stored output chunks into the bytes a client reads, with a marker line for each gap.
import type { JobOutput } from '../queue.js';

/** A stored chunk; `migrations/0002_job_output.sql` explains `runs` and `position`. */
export interface Chunk {
  readonly position: number;
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
}

/** What is known about the output beside its chunks. */
export interface StoredOutputFacts {
  readonly complete: boolean;
  readonly flaw: string | undefined;
  /** Only the end was asked for: this many bytes of it. */
  readonly tailBytes?: number | undefined;
}

/** Joins the chunks of a job; a gap between two of them becomes a line that counts the dropped bytes. */
export function assembleOutput(stored: readonly Chunk[], known: StoredOutputFacts): JobOutput {
  const chunks = known.tailBytes === undefined ? stored : cutToTail(stored, known.tailBytes);
  const combined: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  let end = known.tailBytes === undefined ? 0 : (chunks[0]?.position ?? 0);
  let droppedBytes = 0;
  for (const chunk of chunks) {
    const gap = chunk.position - end;
    if (gap > 0) combined.push(marker(gap));
    droppedBytes += gap;
    combined.push(chunk.bytes);
    stderr.push(...stderrOf(chunk));
    end = chunk.position + chunk.bytes.length;
  }
  return {
    combined: Buffer.concat(combined),
    stderr: Buffer.concat(stderr),
    droppedBytes,
    complete: known.complete,
    incompleteReason: known.flaw,
  };
}

/** The store returns whole chunks; the first of them may begin before the tail does. */
function cutToTail(chunks: readonly Chunk[], tailBytes: number): readonly Chunk[] {
  const [first, ...rest] = chunks;
  const last = chunks.at(-1);
  if (first === undefined || last === undefined) return chunks;
  const surplus = last.position + last.bytes.length - tailBytes - first.position;
  return surplus <= 0 ? chunks : [cutFront(first, surplus), ...rest];
}

function cutFront(chunk: Chunk, surplus: number): Chunk {
  let left = surplus;
  const runs = chunk.runs.map((run) => {
    const cut = Math.min(left, Math.abs(run));
    left -= cut;
    return run - Math.sign(run) * cut;
  });
  return { position: chunk.position + surplus, runs, bytes: chunk.bytes.subarray(surplus) };
}

function marker(bytes: number): Uint8Array {
  return Buffer.from(`\n[stint: ${bytes} bytes of output were dropped here]\n`);
}

function* stderrOf(chunk: Chunk): Generator<Uint8Array> {
  let at = 0;
  for (const run of chunk.runs) {
    const length = Math.abs(run);
    if (run < 0) yield chunk.bytes.subarray(at, at + length);
    at += length;
  }
}
