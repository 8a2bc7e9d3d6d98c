// Finds a container whose process is gone although its engine says that it runs.
import { setTimeout as delay } from 'node:timers/promises';
import type { Exit } from '../../job/outcome.js';
import type { Engine } from '../engine/engine.js';

export interface LookTimes {
  /** How long a container prints nothing before the first look, in milliseconds; twice as long before each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Until the second look: the engine may be recording the end just now. */
  readonly confirmMs: number;
}

/** Each look makes the engine run `ps` on its host. */
const defaultTimes: LookTimes = { firstMs: 3_000, longestMs: 120_000, confirmMs: 3_000 };

export interface Looking {
  readonly engine: Pick<Engine, 'hasTask'>;
  readonly id: string;
  /** Grows with the output: what prints is alive. The stream does not end with such a container, the engine keeps it open. */
  readonly outputParts: () => number;
  /** Fires when the engine has reported the container's end. */
  readonly over: AbortSignal;
  readonly times?: LookTimes | undefined;
}

/**
 * Resolves to true when the runtime has twice shown no process of the container, and to false when it is over. A runtime that
 * is restarted alone may forget a container that ended meanwhile; the engine is told nothing and would wait for ever.
 */
export async function findGoneTask(looking: Looking): Promise<boolean> {
  const { outputParts, over, times = defaultTimes } = looking;
  let pauseMs = times.firstMs;
  for (;;) {
    const partsBefore = outputParts();
    if (!(await passes(pauseMs, over))) return false;
    const isQuiet = outputParts() === partsBefore;
    if (isQuiet && (await isGoneTwice(looking, times.confirmMs))) return true;
    pauseMs = isQuiet ? Math.min(2 * pauseMs, times.longestMs) : times.firstMs;
  }
}

async function isGoneTwice(looking: Looking, confirmMs: number): Promise<boolean> {
  return (await isGone(looking)) && (await passes(confirmMs, looking.over)) && (await isGone(looking));
}

/** An engine that cannot tell says nothing about the container. */
async function isGone({ engine, id }: Looking): Promise<boolean> {
  return (await engine.hasTask(id).catch(() => true)) === false;
}

/** False: the signal fired first. */
async function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  return await delay(ms, true, { signal, ref: false }).catch(() => false);
}

/** What is known of the end of such a container, where the engine has nothing better after all: nothing. */
export const goneTaskExit: Exit = {
  exitCode: 255,
  outOfMemory: false,
  proven: false,
  doubt:
    "Could not learn how the job ended: its engine's runtime (containerd) was restarted or failed while it ran, and has forgotten the container. Nothing of the job runs any more.",
};
