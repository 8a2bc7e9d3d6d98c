// Announces lost connections and refused logins within the process.
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

const refusalListeners = new Set<() => void>();

/** To be called whenever Postgres refuses a login. */
export function reportLoginRefusal(): void {
  for (const listener of refusalListeners) listener();
}

/** Calls `listener` at each refusal until the result is disposed. */
export function onLoginRefusal(listener: () => void): Disposable {
  refusalListeners.add(listener);
  return { [Symbol.dispose]: () => void refusalListeners.delete(listener) };
}
