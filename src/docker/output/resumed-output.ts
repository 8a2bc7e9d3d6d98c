// Continues the output of an adopted container from the engine's log.
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutputPart, StreamPositions } from '../../executor/backend.js';
import type { WatchedExit } from '../container/exit.js';
import type { Engine } from '../engine/engine.js';
import { EngineError } from '../engine/errors.js';
import { LogText } from './log-text.js';
import type { OutputWatch } from './output.js';

/** Between two tries to read the log of a container that runs. */
const pauseMs = 300;

/** `see` is called with every part of the log, also with known parts. */
export interface ResumedOutputParts extends OutputWatch {
  readonly engine: Engine;
  readonly id: string;
  readonly tty: boolean;
  readonly exit: Promise<WatchedExit>;
  readonly hasEnded: boolean;
  readonly from: StreamPositions;
  /** The engine is certain to keep this much of the log, in bytes. */
  readonly keptLogBytes: number;
  /** Fires when the container is disposed of. */
  readonly signal: AbortSignal;
}

/**
 * The attached stream was lost with the previous process, so the output is read from the engine's log, which is
 * followed while the container runs. A followed log lacks a last line without a newline, and an engine that restarts
 * closes it, so the whole log is read once more at the end. Throws there when bytes may be missing or misplaced.
 */
export async function* resumeOutput(parts: ResumedOutputParts): AsyncGenerator<OutputPart> {
  const { engine, id, tty, signal } = parts;
  const position = new LogPosition(parts);
  const ended = new AbortController();
  const exit = parts.exit.finally(() => ended.abort());
  exit.catch(() => undefined); // Avoids an unhandled rejection; it is awaited below.
  try {
    if (!parts.hasEnded) yield* followWhileRunning(parts, position, AbortSignal.any([ended.signal, signal]));
    const { finishedAt, backAt } = await exit;
    yield* position.finish(await engine.openLog(id, { follow: false, timestamps: !tty, signal }));
    if (parts.hasEnded && !(await sawEnd(parts)))
      throw incomplete('the engine was restarted about when the container ended');
    // What a container prints while no engine reads, and the container ends before the engine is back, is lost.
    if (backAt !== undefined && (finishedAt === undefined || finishedAt < backAt))
      throw incomplete('the engine was unavailable when the container ended');
  } finally {
    parts.onStreamEnd();
  }
}

/** Whether the engine was running when the container ended and has not restarted since. */
async function sawEnd({ engine, id }: ResumedOutputParts): Promise<boolean> {
  const events = await engine.recallEnd(id, 'any').catch(() => undefined);
  return events?.endedAt !== undefined;
}

/**
 * Follows until the container has ended or its end cannot be learned. After a failure the log is read again from its
 * beginning.
 */
async function* followWhileRunning(
  { engine, id, tty, signal }: ResumedOutputParts,
  position: LogPosition,
  ended: AbortSignal,
): AsyncGenerator<OutputPart> {
  const timestamps = !tty;
  while (!ended.aborted) {
    try {
      // Shows how much of the beginning is gone.
      yield* position.catchUp(await engine.openLog(id, { follow: false, timestamps, signal }));
      yield* position.follow(await engine.openLog(id, { follow: true, timestamps, signal }));
    } catch {
      // The engine may be restarting. The cause does not matter: the log shows what is missing.
    }
    await delay(pauseMs, undefined, { signal: ended }).catch(() => undefined);
  }
}

type Stream = OutputPart['stream'];
const streams: readonly Stream[] = ['stdout', 'stderr'];

/** Tracks how far the output is known, and where the log begins. */
class LogPosition {
  readonly #parts: ResumedOutputParts;
  readonly #known: Record<Stream, number>;
  /** Bytes before the first one of the log: 0 until the engine drops its beginning. */
  readonly #missing: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #flaw: string | undefined;

  constructor(parts: ResumedOutputParts) {
    this.#parts = parts;
    this.#known = { ...parts.from };
  }

  /** Reads the present log while the container runs. */
  async *catchUp(log: Readable): AsyncGenerator<OutputPart> {
    const { text, at } = yield* this.follow(log);
    // What it lacks is a line without a newline, which the engine has not written yet.
    if (!this.#mayBeCut(text)) return;
    for (const stream of streams) this.#missing[stream] += Math.max(0, this.#known[stream] - at[stream]);
  }

  /** Reads a log from its beginning and yields what was not known. */
  async *follow(log: Readable): AsyncGenerator<OutputPart, { text: LogText; at: StreamPositions }> {
    const text = new LogText(this.#parts.tty);
    const at = { ...this.#missing };
    for await (const part of text.read(log)) {
      const { stream, bytes } = part;
      this.#parts.see(part);
      const skipped = Math.min(bytes.byteLength, Math.max(0, this.#known[stream] - at[stream]));
      at[stream] += bytes.byteLength;
      if (skipped === bytes.byteLength) continue;
      this.#known[stream] = at[stream];
      yield { stream, bytes: bytes.subarray(skipped) };
    }
    return { text, at };
  }

  /** Reads the rest after the container's end. Throws at its end when what was yielded may not be right. */
  async *finish(log: Readable): AsyncGenerator<OutputPart> {
    const { text, at } = yield* this.follow(log);
    if (this.#mayBeCut(text)) this.#flaw = 'the beginning of its log may be gone';
    if (text.lacksNewlines) this.#flaw ??= 'its log drops the ends of long lines';
    for (const stream of streams) {
      const lacks = this.#known[stream] - at[stream];
      const isRight = text.isOpenEnded(stream) ? lacks === 1 : lacks === 0; // The one byte is a newline that was seen.
      if (!isRight)
        this.#flaw ??= lacks > 0 ? 'its log lacks some of it' : 'its log drops the ends of long lines';
    }
    if (this.#flaw !== undefined) throw incomplete(this.#flaw);
  }

  #mayBeCut(text: LogText): boolean {
    return text.size >= this.#parts.keptLogBytes;
  }
}

function incomplete(why: string): EngineError {
  return new EngineError('logs', 'cut', why);
}
