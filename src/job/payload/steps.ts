// Takes long work in small steps, between which others are served.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that may be interrupted wherever it says `yield`: about every millisecond, or as often as it likes. */
export type Steps<T> = Generator<void, T, void>;

/** So long nobody else is served. */
const turnMs = 5;

export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  let until = performance.now() + turnMs;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + turnMs;
  }
}

/** For work that is short, and for tests. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
