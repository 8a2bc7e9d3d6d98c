/** Who wants to know that a connection was lost. */
const listeners = new Set<() => void>();

/** To be called whenever the driver has lost a connection, of whatever pool. */
export function reportConnectionLoss(): void {
  for (const listener of listeners) listener();
}

/** Calls `listener` at each loss until the result is disposed. */
export function onConnectionLoss(listener: () => void): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
