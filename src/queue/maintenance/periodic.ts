export interface PeriodicParts {
  /** When the first round begins and how long after that the others follow, in milliseconds. */
  readonly firstMs: number;
  readonly intervalMs: number;
  readonly round: () => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** Does something now and then until it is disposed of; one round at a time, and an error ends only its round. */
export function runPeriodically({ firstMs, intervalMs, round, onError }: PeriodicParts): AsyncDisposable {
  let underWay: Promise<unknown> | undefined;
  const begin = () => {
    underWay ??= round()
      .catch(onError)
      .finally(() => {
        underWay = undefined;
      });
  };
  const interval = setInterval(begin, intervalMs);
  const first = setTimeout(begin, firstMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearTimeout(first);
      clearInterval(interval);
      await underWay;
    },
  };
}
