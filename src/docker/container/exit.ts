import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { Exit } from '../../job/outcome.js';
import { engineTime } from '../engine/clock.js';
import type { ContainerFacts, Engine } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';

/** How a container ended, and whether the engine was there all the time. */
export interface WatchedExit {
  readonly exit: Exit;
  readonly finishedAt: Date | undefined;
  /** When the engine answered again after it had been away, by its own clock; undefined when it never was. */
  readonly backAt: Date | undefined;
}

export interface Watching {
  readonly signal: AbortSignal;
  /** How long the engine may be away before its container counts as lost, in milliseconds. */
  readonly retryForMs: number;
}

/** Between two questions, where the first one did not settle it. */
const pauseMs = 200;

/**
 * Waits until the engine says that the started container has ended. The wait's own answer is only a hint to look: it
 * may come early, and a line that breaks says nothing about the container. Throws `BrokenError` when the engine stays
 * away too long or does not know the container any more.
 */
export async function waitForExit(
  engine: Engine,
  id: string,
  { signal, retryForMs }: Watching,
): Promise<WatchedExit> {
  const absence = new Absence(retryForMs);
  for (;;) {
    try {
      if (absence.lasts) absence.sawEngine(await engineTime(engine));
      else await engine.wait(id, signal);
      const facts = await readFacts(engine, id);
      absence.end();
      if (hasEnded(facts))
        return { exit: toExit(facts, id), finishedAt: facts.finishedAt, backAt: absence.endedAt };
    } catch (error) {
      if (isFault(error, 'container_missing')) throw forgotten(id);
      if (signal.aborted || !isAway(error)) throw error;
      absence.note(error);
    }
    await delay(pauseMs, undefined, { signal });
  }
}

/** Remembers when the engine was away. */
class Absence {
  readonly #retryForMs: number;
  #since: number | undefined;
  #endedAt: Date | undefined;

  constructor(retryForMs: number) {
    this.#retryForMs = retryForMs;
  }

  get lasts(): boolean {
    return this.#since !== undefined;
  }

  /** Of the last one, by the engine's clock. */
  get endedAt(): Date | undefined {
    return this.#endedAt;
  }

  /** Throws the error when it has lasted too long. */
  note(error: unknown): void {
    this.#since ??= performance.now();
    if (performance.now() - this.#since > this.#retryForMs) throw error;
  }

  /** It answers again, at this time of its own clock; before its container is looked at. */
  sawEngine(at: Date): void {
    this.#endedAt = at;
  }

  end(): void {
    this.#since = undefined;
  }
}

/** True when the engine did not answer or could not, rather than answered something. */
export function isAway(error: unknown): boolean {
  return isFault(error, 'cut', 'timed_out', 'unreachable', 'no_socket', 'broken');
}

async function readFacts(engine: Engine, id: string): Promise<ContainerFacts> {
  const facts = await engine.findContainer(id);
  if (facts !== undefined) return facts;
  throw forgotten(id);
}

function forgotten(id: string): BrokenError {
  return new BrokenError(
    'engine_unavailable',
    `Could not learn how the container "${id.slice(0, 12)}" ended: the engine does not know it any more. Somebody may have removed it.`,
    { retryable: false },
  );
}

export function hasEnded({ status }: ContainerFacts): boolean {
  return status === 'exited' || status === 'dead';
}

/** The engine has been seen to answer 0 for containers that never ran or vanished with their host: hence the proof. */
export function toExit(facts: ContainerFacts, id: string): Exit {
  const { exitCode, outOfMemory, startedAt, finishedAt } = facts;
  const proven =
    facts.id === id && facts.status === 'exited' && startedAt !== undefined && finishedAt !== undefined;
  return { exitCode, outOfMemory, proven };
}
