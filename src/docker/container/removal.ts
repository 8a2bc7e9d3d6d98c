import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';

/** Pauses between the tries that dispose waits for, in milliseconds; then it goes on in the background. */
const pausesMs: readonly number[] = [0, 100, 300, 1_000, 3_000];
const backgroundPauseMs = 30_000;

export interface RemovalParts {
  readonly engine: Engine;
  /** Undefined when there is nothing to remove: never made, or somebody else's. */
  readonly findId: () => Promise<string | undefined>;
  /** Told once, in a sentence, when the removal has to wait. */
  readonly onFailure: (message: string) => void;
}

/**
 * Removes a container and never throws. An engine that is away or busy is asked again: some times at once, then every
 * now and then for as long as the process lives. After that a sweep has to find it.
 */
export async function removeUntilGone(parts: RemovalParts): Promise<void> {
  let problem: unknown;
  for (const pauseMs of pausesMs) {
    await delay(pauseMs);
    problem = await tryRemoval(parts);
    if (problem === undefined) return;
  }
  parts.onFailure(`${(problem as Error).message} It is tried again until it works.`);
  void keepTrying(parts);
}

async function keepTrying(parts: RemovalParts): Promise<void> {
  do await delay(backgroundPauseMs, undefined, { ref: false });
  while ((await tryRemoval(parts)) !== undefined);
}

/** Resolves to what went wrong. A removal that is under way counts as not done: it may fail yet. */
async function tryRemoval({ engine, findId }: RemovalParts): Promise<unknown> {
  try {
    const id = await findId();
    if (id !== undefined) await engine.remove(id);
    return undefined;
  } catch (error) {
    return isFault(error, 'container_missing') ? undefined : error;
  }
}
