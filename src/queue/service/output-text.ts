// Assembles stored output chunks into the bytes a client reads, with a marker line for each gap.
import type { JobOutput } from '../queue.js';
import { JoinedText } from './joined-text.js';

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
  /** No more output will come. */
  readonly hasEnded: boolean;
  /** Only the end was asked for: this many bytes of it. */
  readonly tailBytes?: number | undefined;
}

/**
 * Joins the chunks of a job; a gap between two of them becomes a line that counts the dropped bytes. No character is
 * split. While the job runs, an unfinished character at the end is left out.
 */
export function assembleOutput(stored: readonly Chunk[], known: StoredOutputFacts): JobOutput {
  const { tailBytes } = known;
  const chunks = tailBytes === undefined ? stored : cutToTail(stored, tailBytes);
  const start = tailBytes === undefined ? 0 : (chunks[0]?.position ?? 0);
  const stderr = joinPieces(chunks, { ...known, start, isWanted: (run) => run < 0 });
  return {
    combined: joinPieces(chunks, { ...known, start, isWanted: () => true, markGap: marker }),
    get stdout() {
      return joinPieces(chunks, { ...known, start, isWanted: (run) => run > 0 });
    },
    stderr,
    droppedBytes: gapsOf(chunks, start).reduce((sum, gap) => sum + gap, 0),
    complete: known.complete,
    incompleteReason: known.flaw,
  };
}

interface Joining {
  /** The position at which the first chunk should begin. */
  readonly start: number;
  readonly isWanted: (run: number) => boolean;
  readonly markGap?: (gap: number) => Uint8Array;
  readonly hasEnded: boolean;
}

function joinPieces(chunks: readonly Chunk[], { start, isWanted, markGap, hasEnded }: Joining): Uint8Array {
  const text = new JoinedText(chunks.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const gaps = gapsOf(chunks, start);
  const parts: Uint8Array[] = [];
  if (start > 0) text.leaveGap();
  for (const [index, chunk] of chunks.entries()) {
    const gap = gaps[index] ?? 0;
    if (gap > 0) {
      text.leaveGap();
      parts.push(text.take(), ...(markGap === undefined ? [] : [markGap(gap)]));
    }
    addRuns(text, chunk, isWanted);
  }
  if (hasEnded) text.end();
  return Buffer.concat([...parts, text.take()]);
}

export function addRuns(text: JoinedText, { runs, bytes }: Chunk, isWanted: (run: number) => boolean): void {
  let at = 0;
  for (const run of runs) {
    const end = at + Math.abs(run);
    if (isWanted(run)) text.add(run > 0 ? 'stdout' : 'stderr', bytes, at, end);
    at = end;
  }
}

/** Bytes that were dropped before each chunk. */
function gapsOf(chunks: readonly Chunk[], start: number): number[] {
  return chunks.map(({ position }, index) => {
    const before = chunks[index - 1];
    return position - (before === undefined ? start : before.position + before.bytes.length);
  });
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

/** The line that stands for dropped bytes. */
export function marker(bytes: number): Uint8Array {
  return Buffer.from(`\n[stint: ${bytes} bytes of output were dropped here]\n`);
}
