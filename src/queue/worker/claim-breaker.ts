// Circuit breaker: stops claims while the engine or Vault is unavailable, and probes until it answers.
import { BrokenError } from '../../job/errors.js';
import type { Outcome } from '../../job/outcome.js';
import type { WorkerLog } from './worker-log.js';

/** A part without which no job can run. */
export interface GuardedPart {
  /** For log and metrics: `engine`, `vault`. */
  readonly name: string;
  /** The code with which jobs return to the queue, or fail, when this part is unavailable. */
  readonly code: string;
  /** Throws when jobs could not run now; a `BrokenError` says why in words that may be shown. */
  readonly check: () => Promise<void>;
}

export interface ClaimBreakerParts {
  readonly parts: readonly GuardedPart[];
  /** Called when jobs may be claimed again. */
  readonly onClose: () => void;
  readonly log: WorkerLog;
  /** Times of the probes; a test makes them shorter. */
  readonly times?: ClaimBreakerTimes;
}

export interface ClaimBreakerTimes {
  /** Between two probes of an unavailable part. */
  readonly probeIntervalMs: number;
  /** The longest wait for the answer to a probe. */
  readonly probeTimeoutMs: number;
}

/** Whether a part stops the claims, and why; no reason when it does not. */
export interface Blocker {
  readonly part: string;
  readonly reason: string | undefined;
}

const defaultTimes: ClaimBreakerTimes = { probeIntervalMs: 2_000, probeTimeoutMs: 5_000 };

/**
 * Decides whether this node may claim jobs. A job that finds the engine or Vault unavailable makes it probe that part; it
 * opens only when the probe fails, because a job may have caused by its own fields what it found, and no job may keep the
 * others waiting. While it is open, jobs stay in the queue, for other nodes or for later, and the part is probed; when it
 * answers, the breaker closes. So an unavailable part costs one postponement for each slot, not one for each job
 * every few seconds. As long as no job finds a part unavailable nothing is probed.
 */
export class ClaimBreaker implements Disposable {
  readonly #breakers: readonly PartBreaker[];

  constructor(given: ClaimBreakerParts) {
    const onClose = () => {
      if (this.openReason() === undefined) given.onClose();
    };
    this.#breakers = given.parts.map((part) => new PartBreaker(part, { ...given, onClose }));
  }

  /** Why this node may not claim jobs; undefined when it may. */
  openReason(): string | undefined {
    return this.#breakers.find((breaker) => breaker.reason !== undefined)?.reason;
  }

  /**
   * Must get the outcome of each run. The code of a part has that part probed. Settles when the probe is answered: until then
   * the job keeps its own slot, so that no other job finds out the same.
   */
  async recordOutcome(outcome: Outcome): Promise<void> {
    if (!('code' in outcome)) return;
    await this.#breakers.find(({ part }) => part.code === outcome.code)?.suspect();
  }

  /** All parts, whether they stop the claims or not. */
  blockers(): readonly Blocker[] {
    return this.#breakers.map(({ part, reason }) => ({ part: part.name, reason }));
  }

  [Symbol.dispose](): void {
    for (const breaker of this.#breakers) breaker[Symbol.dispose]();
  }
}

/** The breaker of one part: open from a probe that fails until one that succeeds. */
class PartBreaker implements Disposable {
  readonly part: GuardedPart;
  readonly #given: ClaimBreakerParts;
  readonly #times: ClaimBreakerTimes;
  #reason: string | undefined;
  #probing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(part: GuardedPart, given: ClaimBreakerParts) {
    this.part = part;
    this.#given = given;
    this.#times = given.times ?? defaultTimes;
  }

  /** Only ever what a probe found: never the words of a job, which name its image. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** However many jobs suspect the part, one probe runs at a time. */
  async suspect(): Promise<void> {
    if (this.#reason !== undefined || this.#isDisposed) return;
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    await this.#probing;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  async #probe(): Promise<void> {
    const problem = await findProblem(this.part, this.#times.probeTimeoutMs);
    if (this.#isDisposed) return;
    const before = this.#reason;
    this.#reason = problem;
    if (problem !== undefined) this.#keepOpen(problem, before === undefined);
    else if (before !== undefined) this.#close();
  }

  #keepOpen(reason: string, isNew: boolean): void {
    const part = this.part.name;
    if (isNew) this.#given.log.error('claims stopped until a part answers', { part, reason });
    this.#timer = setTimeout(() => void this.#probe(), this.#times.probeIntervalMs).unref();
  }

  #close(): void {
    this.#given.log.info('claims resumed: the part answers', { part: this.part.name });
    this.#given.onClose();
  }
}

/** Never throws, and waits for `timeoutMs` at most. */
async function findProblem({ name, check }: GuardedPart, timeoutMs: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, `The ${name} did not answer within ${timeoutMs / 1000} seconds.`);
  });
  try {
    return await Promise.race([check().then(() => undefined), timeout]);
  } catch (error) {
    return error instanceof BrokenError ? error.message : `The ${name} could not be reached.`;
  } finally {
    clearTimeout(timer);
  }
}
