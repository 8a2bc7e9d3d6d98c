/** A stream as Node has them and as other libraries have them. */
interface Draining {
  readonly destroyed: boolean;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/**
 * Waits until a stream that was full takes more. Resolves to false when it was closed and never will: also when that
 * was before the call, since a closed stream says so only once.
 */
export async function drained(stream: Draining): Promise<boolean> {
  if (stream.destroyed) return false;
  return await new Promise<boolean>((resolve) => {
    const settle = (takesMore: boolean) => {
      stream.off('drain', onDrain);
      stream.off('close', onClose);
      resolve(takesMore);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    stream.on('drain', onDrain);
    stream.on('close', onClose);
  });
}
