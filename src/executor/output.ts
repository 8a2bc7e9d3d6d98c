import type { OutputPart } from './backend.js';
import type { OutputChunk } from './ledger.js';

/** A chunk is written when it has this size or this age, whichever comes first; the first byte at once. */
const chunkBytes = 256 * 1024;
const chunkAgeMs = 200;

/** Bytes that were taken so far, per stream. */
export interface OutputTotals {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

/** How parts are masked on their way: one per stream, because a secret may be cut by the other stream's bytes. */
export interface PartFilter {
  push(part: OutputPart): OutputPart;
  /** What the filter still holds back when the streams have ended. */
  end(): OutputPart[];
}

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
  #seq = 0;
  #position = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #totals = { stdoutBytes: 0, stderrBytes: 0 };

  constructor(append: (chunk: OutputChunk) => Promise<void>, limitBytes: number) {
    this.#append = append;
    this.#keep = new Keeper(limitBytes);
  }

  async push(part: OutputPart): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#count(part);
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
    return { ...this.#totals };
  }

  #count(part: OutputPart): void {
    this.#totals[part.stream === 'stdout' ? 'stdoutBytes' : 'stderrBytes'] += part.bytes.length;
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
    const chunk = { seq, position: this.#position, runs, bytes, drop: this.#keep.add(seq, bytes.length) };
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

  constructor(limitBytes: number) {
    this.#half = limitBytes / 2;
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
    for await (const part of source) await collector.push(filter.push(part));
  } finally {
    for (const rest of filter.end()) await collector.push(rest);
  }
}
