// Bounds how many requests of one caller are in work at once: further ones wait, and too many are refused.
import { RefusedError } from '../../job/errors.js';

/** Clients poll many jobs at once, and Postgres is to be left to the others. */
export interface CallerTurnLimits {
  readonly inWork: number;
  readonly waiting: number;
}

interface Line {
  inWork: number;
  readonly waiting: (() => void)[];
}

/** In the order of asking, for each caller by itself. */
export class CallerTurns {
  readonly #limits: CallerTurnLimits;
  readonly #lines = new Map<string, Line>();

  constructor(limits: CallerTurnLimits) {
    this.#limits = limits;
  }

  /** Throws `RefusedError` `rate_limited` where too many wait already. */
  async take<T>(caller: string, work: () => Promise<T>, mostWaiting = this.#limits.waiting): Promise<T> {
    const line = this.#lines.get(caller) ?? { inWork: 0, waiting: [] };
    this.#lines.set(caller, line);
    if (line.inWork < this.#limits.inWork) line.inWork += 1;
    else await this.#wait(line, mostWaiting);
    try {
      return await work();
    } finally {
      this.#pass(caller, line);
    }
  }

  /** However many wait: for what is done over connections, of which there are few enough. */
  async takeAnyway<T>(caller: string, work: () => Promise<T>): Promise<T> {
    return await this.take(caller, work, Number.POSITIVE_INFINITY);
  }

  async #wait({ waiting }: Line, mostWaiting: number): Promise<void> {
    if (waiting.length >= mostWaiting) throw tooMany(this.#limits);
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** Whoever waits takes the place over. */
  #pass(caller: string, line: Line): void {
    const next = line.waiting.shift();
    if (next === undefined) line.inWork -= 1;
    else next();
    if (line.inWork === 0) this.#lines.delete(caller);
  }
}

function tooMany({ inWork, waiting }: CallerTurnLimits): RefusedError {
  return new RefusedError(
    'rate_limited',
    `Expected at most ${inWork + waiting} requests of one caller at once, got more: wait for their answers, then try again.`,
  );
}
