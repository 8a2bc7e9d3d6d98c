// Waits until a container has ended, across failures and restarts of the engine.
import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { Exit } from '../../job/outcome.js';
import { engineTime } from '../engine/clock.js';
import type { ContainerFacts, Engine } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';

/** How a container ended, and whether the engine was available all the time. */
export interface WatchedExit {
  readonly exit: Exit;
  readonly finishedAt: Date | undefined;
  /** When the engine answered again after it was unavailable, by its own clock; undefined when it always answered. */
  readonly backAt: Date | undefined;
}

export interface Watching {
  readonly signal: AbortSignal;
  /** How long the engine may be unavailable before its container counts as lost, in milliseconds. */
  readonly retryForMs: number;
}

/** Between two checks, when the first one did not show the end. */
const pauseMs = 200;

/**
 * Waits until the engine says that the started container has ended. The answer of the wait request is only a hint to
 * inspect the container: it may come early, and a broken connection says nothing about the container. Throws
 * `BrokenError` when the engine is unavailable for too long or no longer knows the container.
 */
export async function waitForExit(
  engine: Engine,
  id: string,
  { signal, retryForMs }: Watching,
): Promise<WatchedExit> {
  const outage = new Outage(retryForMs);
  for (;;) {
    try {
      if (outage.isOngoing) outage.noteAnswer(await engineTime(engine));
      else await engine.wait(id, signal);
      const facts = await readFacts(engine, id);
      outage.end();
      if (hasEnded(facts))
        return { exit: toExit(facts, id), finishedAt: facts.finishedAt, backAt: outage.endedAt };
    } catch (error) {
      if (isFault(error, 'container_missing')) throw unknownContainer(id);
      if (signal.aborted || !isUnavailable(error)) throw error;
      outage.noteFailure(error);
    }
    await delay(pauseMs, undefined, { signal });
  }
}

/** Remembers when the engine was unavailable. */
class Outage {
  readonly #retryForMs: number;
  #since: number | undefined;
  #endedAt: Date | undefined;

  constructor(retryForMs: number) {
    this.#retryForMs = retryForMs;
  }

  get isOngoing(): boolean {
    return this.#since !== undefined;
  }

  /** End of the last outage, by the engine's clock. */
  get endedAt(): Date | undefined {
    return this.#endedAt;
  }

  /** Throws the error when the outage has lasted too long. */
  noteFailure(error: unknown): void {
    this.#since ??= performance.now();
    if (performance.now() - this.#since > this.#retryForMs) throw error;
  }

  /** The engine answers again, at this time of its own clock. Called before its container is inspected. */
  noteAnswer(at: Date): void {
    this.#endedAt = at;
  }

  end(): void {
    this.#since = undefined;
  }
}

/**
 * True when the engine did not answer or failed, as opposed to a definite answer. `forbidden` is none: for a moment the socket
 * of an engine that restarts belongs to root alone.
 */
export function isUnavailable(error: unknown): boolean {
  return isFault(error, 'cut', 'timed_out', 'unreachable', 'no_socket', 'forbidden', 'broken');
}

async function readFacts(engine: Engine, id: string): Promise<ContainerFacts> {
  const facts = await engine.findContainer(id);
  if (facts !== undefined) return facts;
  throw unknownContainer(id);
}

function unknownContainer(id: string): BrokenError {
  return new BrokenError(
    'engine_unavailable',
    `Could not learn how the container "${id.slice(0, 12)}" ended: the engine no longer knows it. Somebody may have removed it.`,
    { retryable: false },
  );
}

export function hasEnded({ status }: ContainerFacts): boolean {
  return status === 'exited' || status === 'dead';
}

/** Some engines answer 0 for containers that never ran or disappeared with their host, so the exit needs proof. */
export function toExit(facts: ContainerFacts, id: string): Exit {
  const { exitCode, outOfMemory, startedAt, finishedAt } = facts;
  const proven =
    facts.id === id && facts.status === 'exited' && startedAt !== undefined && finishedAt !== undefined;
  return { exitCode, outOfMemory, proven };
}

const killedCode = 137;
/** How long the engine's word that the kernel killed a container for its memory may come after that of its end. */
const lateMs = 200;
const lookMs = 40;

/**
 * The engine hears from two sides that a container ended, and that the kernel killed it for its memory: on a busy machine the
 * second comes later. So it is asked again about one that was killed, by nobody knows whom, and for no longer than that, however
 * slowly it answers.
 */
export async function withLateReason(
  engine: Pick<Engine, 'findContainer'>,
  id: string,
  exit: Exit,
): Promise<Exit> {
  if (exit.exitCode !== killedCode || exit.outOfMemory) return exit;
  const late = delay(lateMs, 'late' as const, { ref: false });
  for (;;) {
    await delay(lookMs, undefined, { ref: false });
    const facts = await Promise.race([late, engine.findContainer(id).catch(() => undefined)]);
    if (facts === 'late' || facts === undefined) return exit;
    if (facts.outOfMemory) return { ...exit, outOfMemory: true };
  }
}
