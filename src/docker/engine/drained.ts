// Waits until a full stream accepts more data.

/** The part of a stream that Node and other libraries have in common. */
interface Draining {
  readonly destroyed: boolean;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/**
 * Resolves to true when the stream accepts more, to false when it was closed: also when that was before the call,
 * because a closed stream emits `close` only once.
 */
export async function drained(stream: Draining): Promise<boolean> {
  if (stream.destroyed) return false;
  return await new Promise<boolean>((resolve) => {
    const settle = (acceptsMore: boolean) => {
      stream.off('drain', onDrain);
      stream.off('close', onClose);
      resolve(acceptsMore);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    stream.on('drain', onDrain);
    stream.on('close', onClose);
  });
}
