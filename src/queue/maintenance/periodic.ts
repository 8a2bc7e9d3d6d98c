// Runs a function at a fixed interval, never two at once; the base of all sweeps.
export interface PeriodicParts {
  /** Delay of the first round, and the interval of the rounds, both counted from the call, in milliseconds. */
  readonly firstMs: number;
  readonly intervalMs: number;
  readonly round: () => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** Runs `round` periodically until disposed; never two rounds at once, and an error ends only its round. */
export function runPeriodically({ firstMs, intervalMs, round, onError }: PeriodicParts): AsyncDisposable {
  let current: Promise<unknown> | undefined;
  const begin = () => {
    current ??= round()
      .catch(onError)
      .finally(() => {
        current = undefined;
      });
  };
  const interval = setInterval(begin, intervalMs);
  const first = setTimeout(begin, firstMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearTimeout(first);
      clearInterval(interval);
      await current;
    },
  };
}
