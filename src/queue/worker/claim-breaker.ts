import { BrokenError } from '../../job/errors.js';
import type { Outcome } from '../../job/outcome.js';
import type { WorkerLog } from './worker-log.js';

/** A part without which no job can run. */
export interface GuardedPart {
  /** For log and metrics: `engine`, `vault`. */
  readonly name: string;
  /** The code with which jobs go back to the queue, or fail, when this part is away. */
  readonly code: string;
  /** Throws when jobs could not run now; a `BrokenError` says why in words that may be shown. */
  readonly check: () => Promise<void>;
}

export interface ClaimBreakerParts {
  readonly parts: readonly GuardedPart[];
  /** Called when jobs may be taken again. */
  readonly onOpen: () => void;
  readonly log: WorkerLog;
  /** Between two looks at a part that is away, and the longest wait for its answer. */
  readonly times?: ClaimBreakerTimes;
}

export interface ClaimBreakerTimes {
  readonly pauseMs: number;
  readonly silenceMs: number;
}

/** Whether a part is in the way, and why; no reason when it is not. */
export interface Blocker {
  readonly part: string;
  readonly reason: string | undefined;
}

const defaultTimes: ClaimBreakerTimes = { pauseMs: 2_000, silenceMs: 5_000 };
/** Before the first look. A part that answers it, and then spoils jobs all the same, is given more and more rest. */
const firstRestMs = 200;
const longestRestMs = 30_000;

/**
 * May this node take jobs, and if not, why? It may until a job finds the engine or Vault away. From then on jobs stay
 * in the queue untouched, for other nodes or for later, and the part is looked at until it answers. So a part that is
 * away costs one postponement for each slot, not one for each job every few seconds. While all is well nothing is asked.
 */
export class ClaimBreaker implements Disposable {
  readonly #breakers: readonly PartBreaker[];

  constructor(given: ClaimBreakerParts) {
    const onOpen = () => {
      if (this.mayClaim() === undefined) given.onOpen();
    };
    this.#breakers = given.parts.map((part) => new PartBreaker(part, { ...given, onOpen }));
  }

  /** Undefined: it may. Else the reason why not. */
  mayClaim(): string | undefined {
    return this.#breakers.find((breaker) => breaker.reason !== undefined)?.reason;
  }

  /** To be told how each run ended: a code that stands for a part closes the breaker, a container that ended is a good sign. */
  recordOutcome(outcome: Outcome): void {
    for (const breaker of this.#breakers) {
      if (outcome.kind === 'ended') breaker.reset();
      if ('code' in outcome && outcome.code === breaker.part.code) breaker.close(outcome.message);
    }
  }

  /** Every part, whether it is in the way or not. */
  blockers(): readonly Blocker[] {
    return this.#breakers.map(({ part, reason }) => ({ part: part.name, reason }));
  }

  [Symbol.dispose](): void {
    for (const breaker of this.#breakers) breaker[Symbol.dispose]();
  }
}

/** One part: away from the moment a job found it so until it answers a look. */
class PartBreaker implements Disposable {
  readonly part: GuardedPart;
  readonly #given: ClaimBreakerParts;
  readonly #times: ClaimBreakerTimes;
  #reason: string | undefined;
  #restMs = firstRestMs;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(part: GuardedPart, given: ClaimBreakerParts) {
    this.part = part;
    this.#given = given;
    this.#times = given.times ?? defaultTimes;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  close(reason: string): void {
    if (this.#reason !== undefined || this.#isDisposed) return;
    this.#reason = reason;
    this.#given.log.error('taking no jobs until a part answers', { part: this.part.name, reason });
    this.#imageAfterPull(this.#restMs);
    this.#restMs = Math.min(2 * this.#restMs, longestRestMs);
  }

  reset(): void {
    this.#restMs = firstRestMs;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  #imageAfterPull(ms: number): void {
    this.#timer = setTimeout(() => void this.#probe(), ms).unref();
  }

  async #probe(): Promise<void> {
    const problem = await findProblem(this.part, this.#times.silenceMs);
    if (this.#isDisposed) return;
    this.#reason = problem;
    if (problem === undefined) this.#open();
    else this.#imageAfterPull(this.#times.pauseMs);
  }

  #open(): void {
    this.#given.log.info('taking jobs again: a part answers', { part: this.part.name });
    this.#given.onOpen();
  }
}

/** Never throws, and never waits for long. */
async function findProblem({ name, check }: GuardedPart, silenceMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silent = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, silenceMs, `The ${name} did not answer within ${silenceMs / 1000} seconds.`);
  });
  try {
    return await Promise.race([check().then(() => undefined), silent]);
  } catch (error) {
    return error instanceof BrokenError ? error.message : `The ${name} could not be reached.`;
  } finally {
    clearTimeout(timer);
  }
}
