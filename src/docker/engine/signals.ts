// Follows an abort signal for a while and leaves no listener behind.

/**
 * Aborts the controller together with the signal; returns how to stop that. Not `AbortSignal.any`: a signal that lives as
 * long as a job or the process would keep something of every request.
 */
export function followSignal(signal: AbortSignal | undefined, controller: AbortController): () => void {
  if (signal === undefined) return () => undefined;
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

/** Keeps a listener: only for signals that do not outlive what they are for. */
export function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
