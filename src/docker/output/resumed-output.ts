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

/** `see` is told of every part of the log, also of what is known. */
export interface ResumedOutputParts extends OutputWatch {
  readonly engine: Engine;
  readonly id: string;
  readonly tty: boolean;
  readonly exit: Promise<WatchedExit>;
  readonly hasEnded: boolean;
  readonly from: StreamPositions;
  /** So much of the log is kept for sure, in bytes. */
  readonly keptLogBytes: number;
  /** Fires when nobody is interested any more. */
  readonly signal: AbortSignal;
}

/**
 * The output of a container whose line was lost with the process that held it: read from the engine's log, which is
 * followed while the container runs. A followed log lacks a last line without an end, and an engine that restarts closes
 * it, so the whole is read once more at the end. Throws there when bytes may be missing or misplaced.
 */
export async function* resumeOutput(parts: ResumedOutputParts): AsyncGenerator<OutputPart> {
  const { engine, id, tty, signal } = parts;
  const place = new LogPlace(parts);
  const over = new AbortController();
  const exit = parts.exit.finally(() => over.abort());
  exit.catch(() => undefined); // It is awaited below.
  try {
    if (!parts.hasEnded) yield* followWhileRunning(parts, place, AbortSignal.any([over.signal, signal]));
    const { finishedAt, backAt } = await exit;
    yield* place.finish(await engine.openLog(id, { follow: false, timestamps: !tty, signal }));
    if (parts.hasEnded && !(await engine.remembers(id, 'die').catch(() => false)))
      throw incomplete('the engine was restarted about when the container ended');
    // What a container prints while no engine listens, and does not outlive, is lost.
    if (backAt !== undefined && (finishedAt === undefined || finishedAt < backAt))
      throw incomplete('the engine was away when the container ended');
  } finally {
    parts.onLineEnd();
  }
}

/** Until the container has ended, or nobody can say. Whatever breaks is tried again from the log's beginning. */
async function* followWhileRunning(
  { engine, id, tty, signal }: ResumedOutputParts,
  place: LogPlace,
  over: AbortSignal,
): AsyncGenerator<OutputPart> {
  const timestamps = !tty;
  while (!over.aborted) {
    try {
      yield* place.catchUp(await engine.openLog(id, { follow: false, timestamps, signal })); // Says where it begins.
      yield* place.follow(await engine.openLog(id, { follow: true, timestamps, signal }));
    } catch {
      // The engine may be restarting: how it broke does not matter, the log will tell what is missing.
    }
    await delay(pauseMs, undefined, { signal: over }).catch(() => undefined);
  }
}

type Stream = OutputPart['stream'];
const streams: readonly Stream[] = ['stdout', 'stderr'];

/** How far the output is known, and where the log begins. */
class LogPlace {
  readonly #parts: ResumedOutputParts;
  readonly #known: Record<Stream, number>;
  /** Bytes before the log's own first one: none until its beginning was thrown away. */
  readonly #missing: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #flaw: string | undefined;

  constructor(parts: ResumedOutputParts) {
    this.#parts = parts;
    this.#known = { ...parts.from };
  }

  /** Reads the log that is there while the container runs. */
  async *catchUp(log: Readable): AsyncGenerator<OutputPart> {
    const { text, at } = yield* this.follow(log);
    if (!this.#mayBeCut(text)) return; // What it lacks is in the engine's hands still: a line without an end.
    for (const stream of streams) this.#missing[stream] += Math.max(0, this.#known[stream] - at[stream]);
  }

  /** Reads a log from its beginning and gives what was not known. */
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

  /** Reads the rest of a container that has ended. Throws at its end when what was given may not be right. */
  async *finish(log: Readable): AsyncGenerator<OutputPart> {
    const { text, at } = yield* this.follow(log);
    if (this.#mayBeCut(text)) this.#flaw = 'the beginning of its log may be gone';
    if (text.lacksNewlines) this.#flaw ??= 'its log drops the ends of long lines';
    for (const stream of streams) {
      const lacks = this.#known[stream] - at[stream];
      const isRight = text.isOpenEnded(stream) ? lacks === 1 : lacks === 0; // The one is a newline that was seen.
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
