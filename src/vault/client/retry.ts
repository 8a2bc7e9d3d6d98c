import { toVaultFailure, type VaultFailure } from './errors.js';

/** Between two tries, doubled each time. */
const firstPauseMs = 200;
const longestPauseMs = 3_000;

/**
 * Tries again for at most `ms` milliseconds, plus one time limit, while Vault is away and `mayRepeat` says that it does
 * no harm. Throws the last `VaultFailure`.
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
      if (!isInTime || !failure.isPassing || !mayRepeat(failure)) throw failure;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
