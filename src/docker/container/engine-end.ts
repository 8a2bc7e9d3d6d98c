// Tells whether the engine itself, by a stop or restart, ended a container.
import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { Engine } from '../engine/engine.js';
import { isUnavailable, type WatchedExit } from './exit.js';

/** Exit codes of a container that was ended from outside: by SIGKILL, by SIGTERM, or together with its host. */
const outsideCodes: readonly number[] = [137, 143, 255];
/**
 * An engine that is being stopped ends its containers first and becomes unavailable only later: it is watched so long.
 */
const watchMs = 2_000;
/** The same when the signal was sent through the engine: its other containers may take long to end. */
const killedWatchMs = 15_000;
const pauseMs = 200;

/**
 * Whether a container that was not asked to stop was ended by its engine: by an engine that was being stopped, or by
 * one that restarted without keeping its containers. Then it is unknown how the job would have ended.
 */
export async function wasEndedByEngine(place: Place, { exit, backAt }: WatchedExit): Promise<boolean> {
  if (!outsideCodes.includes(exit.exitCode) || exit.outOfMemory) return false;
  return backAt !== undefined || (await isStopping(place));
}

interface Place {
  readonly engine: Pick<Engine, 'version' | 'remembers'>;
  readonly id: string;
}

/** An engine that restarted between two requests has lost its events, so the container's end is missing there. */
async function isStopping({ engine, id }: Place): Promise<boolean> {
  const startedAt = performance.now();
  let limitMs = watchMs;
  try {
    while (performance.now() - startedAt < limitMs) {
      await engine.version();
      if (limitMs === watchMs && (await engine.remembers(id, 'kill'))) limitMs = killedWatchMs;
      await delay(pauseMs);
    }
    return !(await engine.remembers(id, 'die'));
  } catch (error) {
    return isUnavailable(error);
  }
}

/** The job is lost, not failed: the exit code comes from the engine, not from the job. */
export function endedByEngine(exitCode: number): BrokenError {
  return new BrokenError(
    'engine_unavailable',
    `Could not learn how the job would have ended: its engine was stopped or restarted and ended the container (exit code ${exitCode}).`,
    { retryable: false },
  );
}
