// Waits for Postgres while it is away, as long as somebody wants to know.
import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';

const retryMs = 500;

/** Repeats a statement until Postgres answers it. When the signal has fired, the failure is thrown. */
export async function patiently<T>(signal: AbortSignal, statement: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      const isAway = error instanceof BrokenError && error.code === 'database_unavailable';
      if (!isAway || signal.aborted) throw error;
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
