import type { Readable } from 'node:stream';
import type { OutputPart } from '../../executor/backend.js';
import type { WatchedExit } from '../container/exit.js';
import { engineTime } from '../engine/clock.js';
import type { Engine } from '../engine/engine.js';
import { EngineError } from '../engine/errors.js';
import { demux, passThrough } from './demux.js';
import { OutputCount } from './output-count.js';

/** A line that ends so long before its container, in milliseconds, may have been cut rather than closed. */
const suspiciousGapMs = 500;
/** The same from the line's end to the news of the container's. */
const suspiciousWaitMs = 2_000;
/** So little is always compared with the engine's log, which takes a few milliseconds. */
const comparedBytes = 256 * 1024;

/** What else wants to know how an output goes by. */
export interface OutputWatch {
  /** Told of every part before it goes on. */
  readonly see: (part: OutputPart) => void;
  /** Called when the line has ended, before the container's end is awaited. */
  readonly onLineEnd: () => void;
}

export interface OutputParts extends OutputWatch {
  readonly engine: Engine;
  readonly id: string;
  /** The attached line. */
  readonly line: Readable;
  readonly tty: boolean;
  readonly exit: Promise<WatchedExit>;
}

/**
 * A job's output, from the attached line to its end. A line that was cut looks like one that ended; so what came is
 * compared with the engine's own log after the end, and what is missing is read from there. Only where there is much of
 * it and no doubt that is spared. Throws when bytes may be missing for good.
 */
export async function* readOutput(parts: OutputParts): AsyncGenerator<OutputPart> {
  const count = new OutputCount();
  let isBroken = false;
  try {
    for await (const part of split(parts.line, parts.tty)) {
      count.see(part);
      parts.see(part);
      yield part;
    }
  } catch {
    isBroken = true; // How it broke does not matter: the log tells what is missing.
  } finally {
    parts.onLineEnd();
    parts.line.destroy();
  }
  const endedAt = performance.now();
  const exit = await parts.exit;
  const isDoubtful = isBroken || exit.backAt !== undefined || (await endedEarly(parts, exit, endedAt));
  if (isDoubtful) yield* repair(parts, count, exit);
  else if (count.bytes <= comparedBytes) yield* compare(parts, count);
}

/** Whether the line had ended long before the container. The engine is asked for its time only where that is possible. */
async function endedEarly({ engine }: OutputParts, exit: WatchedExit, endedAt: number): Promise<boolean> {
  const waitedMs = performance.now() - endedAt;
  if (waitedMs <= suspiciousGapMs) return false;
  if (waitedMs > suspiciousWaitMs || exit.finishedAt === undefined) return true;
  const time = await engineTime(engine).catch(() => undefined);
  if (time === undefined) return true;
  const lineEndedAt = time.getTime() - (performance.now() - endedAt);
  return exit.finishedAt.getTime() - lineEndedAt > suspiciousGapMs;
}

/** As `repair`, where nothing speaks for a loss: a log that has less, on a full disk for one, is then the worse source. */
async function* compare({ engine, id, tty }: OutputParts, count: OutputCount): AsyncGenerator<OutputPart> {
  const skipper = count.startSkipping();
  for await (const part of split(await engine.readLog(id), tty)) {
    const bytes = skipper.skip(part);
    if (bytes.byteLength > 0) yield { stream: part.stream, bytes };
  }
}

/** What the log holds beyond what came through the line. */
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
  // What a container prints while no engine listens, and does not outlive, is lost.
  if (backAt !== undefined && (finishedAt === undefined || finishedAt < backAt))
    throw incomplete('it was away when the container ended');
}

function split(stream: Readable, tty: boolean): AsyncGenerator<OutputPart> {
  return tty ? passThrough(stream) : demux(stream);
}

function incomplete(why: string): EngineError {
  return new EngineError('logs', 'cut', `the line broke, and ${why}`);
}
