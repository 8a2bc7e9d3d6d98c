// Finds a container whose process is gone although its engine says that it runs.
import { setTimeout as delay } from 'node:timers/promises';
import type { Exit } from '../../job/outcome.js';
import type { Engine } from '../engine/engine.js';

/** Between two looks, in milliseconds; twice as long each time. */
interface Pace {
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface LookTimes {
  readonly whileOpen: Pace;
  readonly afterOutput: Pace;
  /** Until the second look: the engine may be recording the end just now. */
  readonly confirmMs: number;
}

/**
 * Each look makes the engine run a program on its host, so a container that prints is looked at rarely: only an adopted one
 * needs that, whose output is read from a log that the engine leaves open.
 */
const defaultTimes: LookTimes = {
  whileOpen: { firstMs: 60_000, longestMs: 600_000 },
  afterOutput: { firstMs: 5_000, longestMs: 60_000 },
  confirmMs: 3_000,
};

export interface Looking {
  readonly engine: Pick<Engine, 'hasTask'>;
  readonly id: string;
  /** Settles when the container's output has ended. A program may close its output and go on. */
  readonly outputEnded: Promise<void>;
  /** Fires when the engine has reported the container's end. */
  readonly over: AbortSignal;
  readonly times?: LookTimes | undefined;
}

/**
 * Resolves to true when the runtime has twice said that it does not know the container, and to false when it is over. A runtime
 * that is restarted alone may forget a container that ended meanwhile; the engine is told nothing and would wait for ever.
 */
export async function findGoneTask(looking: Looking): Promise<boolean> {
  const { outputEnded, over, times = defaultTimes } = looking;
  const outputOver = new AbortController();
  const endOutput = () => outputOver.abort();
  void outputEnded.then(endOutput);
  over.addEventListener('abort', endOutput, { once: true });
  if (await lookUntil(outputOver.signal, looking, times.whileOpen)) return true;
  return await lookUntil(over, looking, times.afterOutput);
}

async function lookUntil(
  signal: AbortSignal,
  looking: Looking,
  { firstMs, longestMs }: Pace,
): Promise<boolean> {
  const { confirmMs } = looking.times ?? defaultTimes;
  for (let ms = firstMs; await passes(ms, signal); ms = Math.min(2 * ms, longestMs))
    if ((await isGone(looking)) && (await passes(confirmMs, signal)) && (await isGone(looking))) return true;
  return false;
}

/** An engine that cannot tell says nothing about the container. */
async function isGone({ engine, id }: Looking): Promise<boolean> {
  return (await engine.hasTask(id).catch(() => true)) === false;
}

/** False: the signal fired first. */
async function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  return await delay(ms, true, { signal, ref: false }).catch(() => false);
}

/** What is known of the end of such a container: nothing, whatever the engine says when it is killed. */
export const goneTaskExit: Exit = {
  exitCode: 255,
  outOfMemory: false,
  proven: false,
  doubt:
    "Could not learn how the job ended: its engine's runtime (containerd) was restarted or failed while it ran, and has forgotten the container. Nothing of the job runs any more.",
};
