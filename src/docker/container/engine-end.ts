// Tells whether the engine itself, by a stop or restart, ended a container.
import { BrokenError } from '../../job/errors.js';
import type { Engine, EngineConnection, RememberedEnd } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';
import type { WatchedExit } from './exit.js';

/** Exit codes of a container that was ended from outside: by SIGKILL, by SIGTERM, or together with its host. */
const outsideCodes: readonly number[] = [137, 143, 255];

/**
 * Whether a container that was not asked to stop was ended by its engine: by an engine that is being stopped, or by one
 * that restarted without keeping its containers. Then it is unknown how the job would have ended. The engine's events
 * show it at once. Waiting for an engine to go away would delay every job that returns such a code itself.
 */
export async function wasEndedByEngine(place: Place, { exit, backAt }: WatchedExit): Promise<boolean> {
  if (!outsideCodes.includes(exit.exitCode) || exit.outOfMemory) return false;
  const events = await readEnd(place, 'any');
  if (events === 'refused') return false;
  if (events !== 'unavailable' && !mayBeByEngine(events)) return false;
  return await isStopping(place, backAt);
}

interface Place {
  readonly engine: Pick<Engine, 'recallEnd'>;
  readonly id: string;
}

/** A restart clears the events. An engine that ends a container sends it a signal first. */
function mayBeByEngine({ endedAt, wasSignalled }: RememberedEnd): boolean {
  return endedAt === undefined || wasSignalled;
}

/**
 * An engine that is being stopped refuses new connections before it signals a container. So if it accepts one after the
 * end, a client sent the signal. A signal from before an engine was back is its own: a restarted engine stops the
 * containers it finds before it accepts connections.
 */
async function isStopping(place: Place, backAt: Date | undefined): Promise<boolean> {
  const events = await readEnd(place, 'new');
  if (events === 'refused') return false;
  if (events === 'unavailable' || events.endedAt === undefined) return true;
  return events.wasSignalled && backAt !== undefined && events.endedAt <= backAt;
}

type EndEvents = RememberedEnd | 'refused' | 'unavailable';

/** `refused`: the engine is available but does not give its events, for example behind a filter. */
async function readEnd({ engine, id }: Place, connection: EngineConnection): Promise<EndEvents> {
  try {
    return await engine.recallEnd(id, connection);
  } catch (error) {
    return isFault(error, 'refused') ? 'refused' : 'unavailable';
  }
}

/**
 * An engine whose runtime has forgotten a container answers a kill with an end of code 0. A process that gets SIGKILL never
 * ends with 0, so a kill before the end makes this code none of the job's. Where the events are not available the engine is
 * believed: it reports start and end of the container.
 */
export async function isForgedByKill(
  { engine, id }: { engine: Pick<Engine, 'wasKilled'>; id: string },
  { exit, finishedAt }: WatchedExit,
): Promise<boolean> {
  if (exit.exitCode !== 0 || finishedAt === undefined) return false;
  return await engine.wasKilled(id, finishedAt).catch(() => false);
}

/** Whether the engine's events are certain that nobody had killed the container before it ended. */
export async function endedBeforeKill(
  { engine, id }: { engine: Pick<Engine, 'wasKilled'>; id: string },
  { finishedAt }: WatchedExit,
): Promise<boolean> {
  if (finishedAt === undefined) return false;
  return !(await engine.wasKilled(id, finishedAt).catch(() => true));
}

export const killedDoubt =
  'Could not learn how the job ended: its container was killed, and the engine reports exit code 0, which no killed program has.';

/** The job is lost, not failed: the exit code comes from the engine, not from the job. */
export function endedByEngine(exitCode: number): BrokenError {
  return new BrokenError(
    'engine_unavailable',
    `Could not learn how the job would have ended: its engine was stopped or restarted and ended the container (exit code ${exitCode}).`,
    { retryable: false },
  );
}
