// Reads the output of a job as it is stored, from chunk to chunk.
import type { StoredChunk } from '../../store/streams/watch.js';
import type { FollowedOutput } from '../streams.js';
import { WholeCharacters } from './whole-characters.js';

/** Some megabytes at most. */
const chunksAtOnce = 8;

/** Where the chunks come from. */
export interface ChunkSource {
  /** The next chunks from this number on. */
  read(seq: number, limit: number): Promise<readonly StoredChunk[]>;
  /** Resolves when there is a chunk from this number on, or the job has ended; undefined: nobody wants to know any more. */
  news(seq: number): Promise<{ readonly hasOutput: boolean } | undefined>;
  /** Pieces may split characters, because nothing of them may wait for more. */
  readonly splits?: boolean;
}

/** From this chunk on until the job has ended and all was read. */
export async function* followChunks(source: ChunkSource, from: number): AsyncGenerator<FollowedOutput> {
  const reader = new ChunkReader(source.splits === true);
  for (let seq = from; ; ) {
    const chunks = await source.read(seq, chunksAtOnce);
    for (const chunk of chunks) {
      yield* reader.read(chunk);
      seq = chunk.seq + 1;
    }
    if (chunks.length > 0) continue;
    const news = await source.news(seq);
    if (news === undefined) return;
    if (!news.hasOutput) break;
  }
  yield* reader.end();
}

/** Takes chunks apart into pieces of one stream each. */
class ChunkReader {
  readonly #streams = { stdout: new WholeCharacters(), stderr: new WholeCharacters() };
  readonly #splits: boolean;
  #position: number | undefined;
  #next = 0;

  constructor(splits: boolean) {
    this.#splits = splits;
  }

  *read({ seq, position, runs, bytes }: StoredChunk): Generator<FollowedOutput> {
    const gap = position - (this.#position ?? position);
    if (gap > 0) yield* this.#leaveGap(gap);
    this.#position = position + bytes.length;
    this.#next = seq + 1;
    let at = 0;
    for (const run of runs) {
      const to = at + Math.abs(run);
      yield* this.#piece(run > 0 ? 'stdout' : 'stderr', bytes.subarray(at, to));
      at = to;
    }
  }

  /** Characters that were never finished come as they are. */
  *end(): Generator<FollowedOutput> {
    for (const stream of ['stdout', 'stderr'] as const) {
      const bytes = this.#streams[stream].end();
      if (bytes.length > 0) yield { kind: 'piece', stream, bytes, next: this.#next };
    }
  }

  *#leaveGap(bytes: number): Generator<FollowedOutput> {
    yield* this.end();
    yield { kind: 'gap', bytes };
  }

  *#piece(stream: 'stdout' | 'stderr', given: Uint8Array): Generator<FollowedOutput> {
    const bytes = this.#splits ? given : this.#streams[stream].push(given);
    if (bytes.length > 0) yield { kind: 'piece', stream, bytes, next: this.#next };
  }
}
