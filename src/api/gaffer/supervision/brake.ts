// The brake of a job whose processes keep ending: back-off, flapping, giving up.

/** As the client writes it; times in seconds. */
export interface Flapping {
  /** So many ends ... */
  readonly attempts: number;
  /** ... within so many seconds are flapping: all processes are stopped, ... */
  readonly window: number;
  /** ... and started again after so many, ... */
  readonly retry_in: number;
  /** ... so many times; then the job is given up. */
  readonly max_retry: number;
}

/** What a job means by the parts that it leaves out. */
export const defaultFlapping: Flapping = { attempts: 2, window: 1, retry_in: 7, max_retry: 5 };

/** A process that has ended by itself. Times in milliseconds. */
interface End {
  readonly at: number;
  readonly ranMs: number;
}

/** What is remembered between two ends. */
export interface Brake {
  /** The latest, oldest first. */
  readonly ends: readonly End[];
  /** Ends of processes that ran for a moment only, one after another. */
  readonly quickEnds: number;
  /** How often all were stopped for flapping. */
  readonly rounds: number;
  /** Nothing starts before this time; 0: at once. */
  readonly notBefore: number;
}

export const released: Brake = { ends: [], quickEnds: 0, rounds: 0, notBefore: 0 };

/** What runs for a shorter time hardly did anything. */
const quickMs = 2_000;
const firstPauseMs = 500;
const longestPauseMs = 30_000;

export type Judgment = 'restart' | 'flapping' | 'give_up';

/** What an end means. The first quick one is restarted at once, later ones after pauses that grow. */
export function judgeEnd(
  brake: Brake,
  end: End,
  flapping: Flapping,
): { readonly brake: Brake; readonly judgment: Judgment } {
  const isCalm = end.ranMs > flapping.window * 1000;
  const ends = [...brake.ends, end].slice(-flapping.attempts);
  const rounds = isCalm ? 0 : brake.rounds;
  if (isFlapping(ends, flapping)) return stopAll(end, rounds, flapping);
  const quickEnds = end.ranMs < quickMs ? brake.quickEnds + 1 : 0;
  const notBefore = end.at + pauseAfter(quickEnds);
  return { judgment: 'restart', brake: { ends, quickEnds, rounds, notBefore } };
}

/**
 * By the clock, or by the time that they ran: how long a container takes to start, and how long we wait between two tries, must
 * not hide that a program ends at once.
 */
function isFlapping(ends: readonly End[], { attempts, window }: Flapping): boolean {
  const [first, last] = [ends[0], ends.at(-1)];
  if (first === undefined || last === undefined || ends.length < attempts) return false;
  const ranMs = ends.reduce((sum, end) => sum + end.ranMs, 0);
  return Math.min(last.at - first.at, ranMs) <= window * 1000;
}

function stopAll({ at }: End, before: number, { retry_in: pause, max_retry: most }: Flapping) {
  const rounds = before + 1;
  if (rounds > most) return { judgment: 'give_up' as const, brake: { ...released, rounds } };
  const notBefore = at + pause * 1000;
  return { judgment: 'flapping' as const, brake: { ends: [], quickEnds: 0, rounds, notBefore } };
}

function pauseAfter(quickEnds: number): number {
  return quickEnds < 2 ? 0 : Math.min(firstPauseMs * 2 ** (quickEnds - 2), longestPauseMs);
}
