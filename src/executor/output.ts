// Collects a job's output into chunks, stores them in order, and limits what is kept.
import type { OutputPart, StreamPositions } from './backend.js';
import type { OnFound } from './masking/found.js';
import type { FoundSecret, OutputChunk } from './run-recorder.js';

/** A chunk is stored when it reaches this size or this age, whichever comes first; the first byte is stored at once. */
const chunkBytes = 256 * 1024;
const chunkAgeMs = 200;

/** Bytes that the job printed so far, per stream: before masking, including dropped ones. */
export interface OutputTotals {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

/**
 * Masks or withholds parts. Each stream has its own state, because bytes of the other stream may interrupt a secret.
 */
export interface PartFilter {
  push(part: OutputPart): OutputPart;
  /** How many input bytes are not yet part of the output, as they are or masked. */
  held(stream: OutputPart['stream']): number;
  /** The secrets that were found since this was asked last. */
  takeFound?(): readonly FoundSecret[];
  /** Why input bytes will never be returned; undefined when there are none. */
  readonly flaw?: string | undefined;
  /** Returns what the filter still holds back, after the streams have ended. */
  end(): OutputPart[];
}

/** What a previous process stored of an output. */
export interface OutputState {
  /** Number of the next chunk. */
  readonly seq: number;
  /** Bytes before the next chunk, after masking, including dropped ones. */
  readonly position: number;
  /** How many of the job's own bytes are contained; undefined when an older version of stint stored the last chunk. */
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
 * Stores chunks one write at a time. During a write the next chunk fills; when it is full too, `push` waits, and with
 * it the container: a slow store slows the job down, but bytes are never lost and at most two chunks are in memory. The
 * first half of the limit is kept permanently; after it the oldest chunks of the tail are dropped.
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
  /** Bytes that the job printed, and how many of them the pushed parts contain. */
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

  /**
   * Takes a part to store; `origin` says how many of the job's own bytes led to it, and how many the filter holds back.
   */
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

  /** Queues a write after the current one and waits only for the current one. */
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

/** The chunk being filled: parts in the order of arrival, adjacent parts of one stream joined. */
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

/** Decides which chunks are kept: first a head that stays, then a tail that drops its oldest chunks. */
class Keeper {
  readonly #half: number;
  #headBytes = 0;
  #headFull = false;
  #tail: { seq: number; length: number }[] = [];
  #tailBytes = 0;

  /** `kept` is what an earlier keeper with the same limit kept. */
  constructor(limitBytes: number, kept: readonly KeptChunk[]) {
    this.#half = limitBytes / 2;
    let next = 0;
    for (const { seq, length } of kept) {
      if (seq !== next) this.#headFull = true; // The chunks between were dropped, so this is the tail.
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

/**
 * Copies a container's output through the filter into the collector, until it ends. What it finds is told before the
 * output that held it is stored: a process that dies in between leaves both to the next one, which reads that output again.
 */
export async function copyOutput(
  source: AsyncIterable<OutputPart>,
  filter: PartFilter,
  collector: OutputCollector,
  onFound?: OnFound,
): Promise<void> {
  try {
    for await (const part of source) {
      const filtered = filter.push(part);
      const found = filter.takeFound?.() ?? [];
      if (found.length > 0) await onFound?.(found);
      await collector.push(filtered, { taken: part.bytes.length, held: filter.held(part.stream) });
    }
  } finally {
    for (const rest of filter.end()) await collector.push(rest, { taken: 0, held: 0 });
  }
}
