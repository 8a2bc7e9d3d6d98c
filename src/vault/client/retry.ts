// Repeats a request to Vault with growing pauses until a retry deadline.

import { toVaultFailure, type VaultFailure } from './errors.js';

/** Pause between two tries, doubled each time. */
const firstPauseMs = 200;
const longestPauseMs = 3_000;

/**
 * Retries for at most `ms` milliseconds, plus the time limit of one request, while Vault is unavailable and `mayRepeat`
 * says that a repeat does no harm. Throws the last `VaultFailure`.
 */
export async function retryUntil<T>(
  ms: number,
  attempt: () => Promise<T>,
  mayRepeat: (failure: VaultFailure) => boolean,
): Promise<T> {
  const until = performance.now() + ms;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      const failure = toVaultFailure(error);
      const isInTime = performance.now() + pauseMs < until;
      if (!isInTime || !failure.mayRecover || !mayRepeat(failure)) throw failure;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
