import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { Engine } from '../engine/engine.js';
import { isAway, type WatchedExit } from './exit.js';

/** What a container is left with that was ended from outside: killed, told to end, or gone together with its host. */
const outerCodes: readonly number[] = [137, 143, 255];
/** An engine that is stopped ends its containers first, and goes away only then. */
const goingMs = 2_000;
/** The same where it is known that the signal came by way of the engine: others of its containers may take their time. */
const killedGoingMs = 15_000;
const pauseMs = 200;

/**
 * Whether a container that nobody told to end was ended by its engine: by one that was being stopped, or by one that came
 * back and found what it had not been told to keep. Then nobody knows how the job would have ended.
 */
export async function wasEndedByEngine(place: Place, { exit, backAt }: WatchedExit): Promise<boolean> {
  if (!outerCodes.includes(exit.exitCode) || exit.outOfMemory) return false;
  return backAt !== undefined || (await isGoingAway(place));
}

interface Place {
  readonly engine: Pick<Engine, 'version' | 'remembers'>;
  readonly id: string;
}

/** One that went and came back between two questions has forgotten the end that it saw. */
async function isGoingAway({ engine, id }: Place): Promise<boolean> {
  const startedAt = performance.now();
  let limitMs = goingMs;
  try {
    while (performance.now() - startedAt < limitMs) {
      await engine.version();
      if (limitMs === goingMs && (await engine.remembers(id, 'kill'))) limitMs = killedGoingMs;
      await delay(pauseMs);
    }
    return !(await engine.remembers(id, 'die'));
  } catch (error) {
    return isAway(error);
  }
}

/** The job is lost, not failed: the code is the engine's doing. */
export function endedByEngine(exitCode: number): BrokenError {
  return new BrokenError(
    'engine_unavailable',
    `Could not learn how the job would have ended: its engine was stopped or restarted and ended the container (exit code ${exitCode}).`,
    { retryable: false },
  );
}
