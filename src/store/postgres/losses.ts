/** Who wants to know that a connection was lost. */
const listeners = new Set<() => void>();

/** To be called whenever the driver has lost a connection, of whatever pool. */
export function noteLoss(): void {
  for (const listener of listeners) listener();
}

/** Calls `listener` at each loss until the result is disposed. */
export function onLoss(listener: () => void): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
