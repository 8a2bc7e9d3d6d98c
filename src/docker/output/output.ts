// Reads a job's output from the attached stream and fills gaps from the engine's log.
import type { Readable } from 'node:stream';
import type { OutputPart } from '../../executor/backend.js';
import type { WatchedExit } from '../container/exit.js';
import { engineTime } from '../engine/clock.js';
import type { Engine } from '../engine/engine.js';
import { EngineError } from '../engine/errors.js';
import { demux, passThrough } from './demux.js';
import { OutputCount } from './output-count.js';

/** A stream that ends this long before its container, in milliseconds, may have been cut off. */
const suspiciousGapMs = 500;
/** The same, from the end of the stream until the engine reports the container's end. */
const suspiciousWaitMs = 2_000;
/** Up to this size the output is always compared with the engine's log, which takes a few milliseconds. */
const comparedBytes = 256 * 1024;

/** Callbacks for code that observes the output while it is read. */
export interface OutputWatch {
  /** Called with every part before it is passed on. */
  readonly see: (part: OutputPart) => void;
  /** Called when the stream has ended, before the container's end is awaited. */
  readonly onStreamEnd: () => void;
}

export interface OutputParts extends OutputWatch {
  readonly engine: Engine;
  readonly id: string;
  /** The attached stream. */
  readonly attached: Readable;
  readonly tty: boolean;
  readonly exit: Promise<WatchedExit>;
}

/**
 * Reads the attached stream to its end. A stream that was cut off looks like one that ended, so the output is compared
 * with the engine's log after the container's end, and missing bytes are read from there. The comparison is skipped
 * only for a large output that gives no reason for doubt. Throws when bytes may be lost for good.
 */
export async function* readOutput(parts: OutputParts): AsyncGenerator<OutputPart> {
  const count = new OutputCount();
  let isBroken = false;
  try {
    for await (const part of split(parts.attached, parts.tty)) {
      count.see(part);
      parts.see(part);
      yield part;
    }
  } catch {
    isBroken = true; // The cause does not matter: the log shows what is missing.
  } finally {
    parts.onStreamEnd();
    parts.attached.destroy();
  }
  const endedAt = performance.now();
  const exit = await parts.exit;
  const isDoubtful = isBroken || exit.backAt !== undefined || (await endedEarly(parts, exit, endedAt));
  if (isDoubtful) yield* repair(parts, count, exit);
  else if (count.bytes <= comparedBytes) yield* compare(parts, count);
}

/**
 * Whether the stream ended long before the container. Asks the engine for its time only when the other times do not
 * decide.
 */
async function endedEarly({ engine }: OutputParts, exit: WatchedExit, endedAt: number): Promise<boolean> {
  const waitedMs = performance.now() - endedAt;
  if (waitedMs <= suspiciousGapMs) return false;
  if (waitedMs > suspiciousWaitMs || exit.finishedAt === undefined) return true;
  const time = await engineTime(engine).catch(() => undefined);
  if (time === undefined) return true;
  const streamEndedAt = time.getTime() - (performance.now() - endedAt);
  return exit.finishedAt.getTime() - streamEndedAt > suspiciousGapMs;
}

/**
 * Like `repair`, but when nothing indicates a loss. A log with less than the stream, after a full disk for instance, is
 * ignored.
 */
async function* compare({ engine, id, tty }: OutputParts, count: OutputCount): AsyncGenerator<OutputPart> {
  const skipper = count.startSkipping();
  for await (const part of split(await engine.readLog(id), tty)) {
    const bytes = skipper.skip(part);
    if (bytes.byteLength > 0) yield { stream: part.stream, bytes };
  }
}

/** Yields what the log has beyond the attached stream, and throws when the log is not complete either. */
async function* repair(
  { engine, id, tty }: OutputParts,
  count: OutputCount,
  { finishedAt, backAt }: WatchedExit,
): AsyncGenerator<OutputPart> {
  const skipper = count.startSkipping();
  let isRepaired = false;
  for await (const part of split(await engine.readLog(id), tty)) {
    const bytes = skipper.skip(part);
    if (bytes.byteLength === 0) continue;
    isRepaired = true;
    yield { stream: part.stream, bytes };
  }
  if (skipper.isShort) throw incomplete('its log was cut short');
  if (isRepaired && skipper.hasLongLine) throw incomplete('its log drops the ends of long lines');
  // What a container prints while no engine reads, and the container ends before the engine is back, is lost.
  if (backAt !== undefined && (finishedAt === undefined || finishedAt < backAt))
    throw incomplete('it was unavailable when the container ended');
}

function split(stream: Readable, tty: boolean): AsyncGenerator<OutputPart> {
  return tty ? passThrough(stream) : demux(stream);
}

function incomplete(why: string): EngineError {
  return new EngineError('logs', 'cut', `the attached stream broke, and ${why}`);
}
