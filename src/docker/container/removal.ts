// Removes a container and retries in the background until it is gone.
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';

/** Pauses before the tries that dispose waits for, in milliseconds; later tries run in the background. */
const pausesMs: readonly number[] = [0, 100, 300, 1_000, 3_000];
const backgroundPauseMs = 30_000;

export interface RemovalParts {
  readonly engine: Engine;
  /** Undefined when there is nothing to remove: never created, or not ours. */
  readonly findId: () => Promise<string | undefined>;
  /** Called once, with a sentence, when the removal continues in the background. */
  readonly onFailure: (message: string) => void;
}

/**
 * Removes a container and never throws; resolves to whether it is gone. An engine that is unavailable or busy is asked again: a few times at once, then
 * periodically for as long as the process runs. What is left after that is removed by the reaper.
 */
export async function removeUntilGone(parts: RemovalParts): Promise<boolean> {
  let problem: unknown;
  for (const pauseMs of pausesMs) {
    await delay(pauseMs);
    problem = await tryRemoval(parts);
    if (problem === undefined) return true;
  }
  parts.onFailure(`${(problem as Error).message} stint retries until it succeeds.`);
  void retryInBackground(parts);
  return false;
}

async function retryInBackground(parts: RemovalParts): Promise<void> {
  do await delay(backgroundPauseMs, undefined, { ref: false });
  while ((await tryRemoval(parts)) !== undefined);
}

/** Resolves to the error, or to undefined on success. A removal in progress counts as not done: it may still fail. */
async function tryRemoval({ engine, findId }: RemovalParts): Promise<unknown> {
  try {
    const id = await findId();
    if (id !== undefined) await engine.remove(id);
    return undefined;
  } catch (error) {
    return isFault(error, 'container_missing') ? undefined : error;
  }
}
