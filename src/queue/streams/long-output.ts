// Reads a long output piece by piece, as a client takes it: little of it is ever in memory.
import type { OutputStream } from '../queue.js';
import { JoinedText } from '../service/joined-text.js';
import { addRuns, type Chunk, marker } from '../service/output-text.js';

/** Consecutive chunks, in batches. */
export type ReadBatches = () => AsyncIterable<readonly Chunk[]>;

/** A client takes so much at a time; encoded it may become six times as long. */
const pieceBytes = 64 * 1024;

/** What `assembleOutput` joins of all the chunks at once, in pieces. A character may be cut only where a piece is. */
export async function* outputPieces(
  readBatches: ReadBatches,
  which: OutputStream,
  hasEnded: boolean,
): AsyncGenerator<Uint8Array> {
  const text = new JoinedText(0);
  let position = 0;
  for await (const batch of readBatches())
    for (const chunk of batch) {
      const gap = chunk.position - position;
      position = chunk.position + chunk.bytes.length;
      text.makeRoom(chunk.bytes.length);
      if (gap > 0) text.leaveGap();
      if (gap > 0 && which === 'combined') yield marker(gap);
      addRuns(text, chunk, wanted[which]);
      yield* cut(text.take());
    }
  text.makeRoom(0);
  if (hasEnded) text.end();
  yield text.take();
}

const wanted: Readonly<Record<OutputStream, (run: number) => boolean>> = {
  combined: () => true,
  stdout: (run) => run > 0,
  stderr: (run) => run < 0,
};

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
