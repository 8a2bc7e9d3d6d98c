import type { OutputPart, StreamPositions } from './backend.js';
import type { OutputChunk } from './run-recorder.js';

/** A chunk is written when it has this size or this age, whichever comes first; the first byte at once. */
const chunkBytes = 256 * 1024;
const chunkAgeMs = 200;

/** Bytes that the job printed so far, per stream: before masking, whether they are kept or not. */
export interface OutputTotals {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

/** How parts are masked on their way: one per stream, because a secret may be cut by the other stream's bytes. */
export interface PartFilter {
  push(part: OutputPart): OutputPart;
  /** How many of the bytes that went in have not come out yet, in their own or another form. */
  held(stream: OutputPart['stream']): number;
  /** Why bytes that went in will never come out. */
  readonly flaw?: string | undefined;
  /** What the filter still holds back when the streams have ended. */
  end(): OutputPart[];
}

/** What is stored of an output whose collector is gone. */
export interface OutputState {
  /** Of the next chunk. */
  readonly seq: number;
  /** Bytes before the next chunk, as they are stored or were dropped. */
  readonly position: number;
  /** What of the job's own bytes is contained; undefined when an older version stored the last chunk. */
  readonly raw: StreamPositions | undefined;
  /** The chunks that were not dropped, in order. */
  readonly kept: readonly KeptChunk[];
}

export interface KeptChunk {
  readonly seq: number;
  readonly length: number;
}

/** Of a job that has printed nothing yet. */
export const emptyOutput: OutputState = { seq: 0, position: 0, raw: { stdout: 0, stderr: 0 }, kept: [] };

/**
 * Collects output into chunks and stores them in order, one write at a time. While a write is under way the next
 * chunk fills; when that is full too, `push` waits, and with it the container: a slow store means a slow job, never
 * lost bytes and never more than two chunks in memory. The first half of the limit is kept for good; after it the
 * oldest chunks of the tail give way.
 */
export class OutputCollector {
  readonly #append: (chunk: OutputChunk) => Promise<void>;
  readonly #keep: Keeper;
  #open = new OpenChunk();
  #seq: number;
  #position: number;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Bytes that the job printed, and how many of them are contained in what was pushed. */
  readonly #printed: Record<OutputPart['stream'], number>;
  readonly #contained: Record<OutputPart['stream'], number>;

  constructor(append: (chunk: OutputChunk) => Promise<void>, limitBytes: number, from = emptyOutput) {
    this.#append = append;
    this.#keep = new Keeper(limitBytes, from.kept);
    this.#seq = from.seq;
    this.#position = from.position;
    this.#printed = { stdout: 0, stderr: 0, ...from.raw };
    this.#contained = { ...this.#printed };
  }

  /** Takes a part as it is to be stored; `origin` says what of the job's own bytes led to it, and what is held back. */
  async push(part: OutputPart, origin = { taken: part.bytes.length, held: 0 }): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const { stream } = part;
    this.#printed[stream] += origin.taken;
    this.#contained[stream] = this.#printed[stream] - origin.held;
    this.#open.add(part);
    if (this.#open.bytes >= chunkBytes) await this.#flush();
    else this.#timer ??= setTimeout(() => void this.#flush(), this.#seq === 0 ? 0 : chunkAgeMs);
  }

  /** Stores the rest. When it resolves, every byte is durable. */
  async end(): Promise<void> {
    await this.#flush();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  get totals(): OutputTotals {
    return { stdoutBytes: this.#printed.stdout, stderrBytes: this.#printed.stderr };
  }

  /** Queues a write behind the one under way and waits for that one only. */
  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const before = this.#writing;
    this.#writing = before.then(() => this.#write());
    return before;
  }

  async #write(): Promise<void> {
    if (this.#open.bytes === 0 || this.#failure !== undefined) return;
    try {
      await this.#append(this.#close());
    } catch (error) {
      this.#failure = { error };
    }
  }

  #close(): OutputChunk {
    const { runs, bytes } = this.#open.take();
    const seq = this.#seq++;
    const drop = this.#keep.add(seq, bytes.length);
    const chunk = { seq, position: this.#position, runs, bytes, raw: { ...this.#contained }, drop };
    this.#position += bytes.length;
    return chunk;
  }
}

/** The chunk that fills: parts in the order of arrival, neighbors of one stream joined. */
class OpenChunk {
  bytes = 0;
  #parts: Uint8Array[] = [];
  #runs: number[] = [];

  add(part: OutputPart): void {
    const length = part.stream === 'stdout' ? part.bytes.length : -part.bytes.length;
    if (length === 0) return;
    const last = this.#runs.length - 1;
    const before = this.#runs[last];
    if (before !== undefined && before > 0 === length > 0) this.#runs[last] = before + length;
    else this.#runs.push(length);
    this.#parts.push(part.bytes);
    this.bytes += part.bytes.length;
  }

  take(): { runs: number[]; bytes: Uint8Array } {
    const taken = { runs: this.#runs, bytes: Buffer.concat(this.#parts) };
    this.#parts = [];
    this.#runs = [];
    this.bytes = 0;
    return taken;
  }
}

/** Decides which chunks stay: a head that fills first, then a tail that moves. */
class Keeper {
  readonly #half: number;
  #headBytes = 0;
  #headFull = false;
  #tail: { seq: number; length: number }[] = [];
  #tailBytes = 0;

  /** `kept` is what an earlier keeper of the same limit had left. */
  constructor(limitBytes: number, kept: readonly KeptChunk[]) {
    this.#half = limitBytes / 2;
    let next = 0;
    for (const { seq, length } of kept) {
      if (seq !== next) this.#headFull = true; // What lay between has given way, so this is the tail.
      this.add(seq, length);
      next = seq + 1;
    }
  }

  add(seq: number, length: number): OutputChunk['drop'] {
    if (!this.#headFull && this.#headBytes + length <= this.#half) {
      this.#headBytes += length;
      return undefined;
    }
    this.#headFull = true;
    this.#tail.push({ seq, length });
    this.#tailBytes += length;
    return this.#shrink();
  }

  #shrink(): OutputChunk['drop'] {
    const from = this.#tail[0]?.seq ?? 0;
    let to: number | undefined;
    while (this.#tailBytes > this.#half && this.#tail.length > 1) {
      const oldest = this.#tail.shift();
      this.#tailBytes -= oldest?.length ?? 0;
      to = oldest?.seq;
    }
    return to === undefined ? undefined : { from, to };
  }
}

/** Copies a container's output through the filter into the collector, until it ends. */
export async function copyOutput(
  source: AsyncIterable<OutputPart>,
  filter: PartFilter,
  collector: OutputCollector,
): Promise<void> {
  try {
    for await (const part of source) {
      const filtered = filter.push(part);
      await collector.push(filtered, { taken: part.bytes.length, held: filter.held(part.stream) });
    }
  } finally {
    for (const rest of filter.end()) await collector.push(rest, { taken: 0, held: 0 });
  }
}
