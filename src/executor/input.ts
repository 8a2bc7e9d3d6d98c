// Gives a running program what was sent to its standard input or a pipe, piece by piece.
import type { RunningContainer } from './backend.js';

/** What was sent to one job, for one of its inputs. */
export interface JobInput {
  /**
   * Takes the next piece, and waits for it; undefined once the signal has fired. What was taken is not given again: a program
   * gets a piece at most once. Throws `FencedError`, after which there is none.
   */
  next(signal: AbortSignal): Promise<Uint8Array | undefined>;
}

/** Until it is disposed of. What the engine does not take is lost; its end is seen elsewhere. */
export function feedInput(running: Pick<RunningContainer, 'write'>, input: JobInput | undefined): Disposable {
  const over = new AbortController();
  if (input !== undefined) void feed(running, input, over.signal);
  return { [Symbol.dispose]: () => over.abort() };
}

async function feed(
  running: Pick<RunningContainer, 'write'>,
  input: JobInput,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const piece = await input.next(signal);
      if (piece === undefined) return;
      await running.write(piece).catch(() => undefined);
    } catch {
      return;
    }
  }
}
