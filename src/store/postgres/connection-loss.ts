// Announces lost connections within the process, so that running statements can be given up.
/** Called when a connection is lost. */
const listeners = new Set<() => void>();

/** To be called whenever the driver loses a connection, in any pool. */
export function reportConnectionLoss(): void {
  for (const listener of listeners) listener();
}

/** Calls `listener` at each loss until the result is disposed. */
export function onConnectionLoss(listener: () => void): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
