// Reads the progress of a pull from the JSON lines of the engine.
import type { PullStep } from './engine.js';

/** Far longer than any real step of a pull. */
const longestLine = 1024 * 1024;

/** Parses a stream of JSON objects, one per line. Lines that are no object are skipped. */
export async function* readJsonLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<object> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) rest = '';
    yield* lines.flatMap(parseObject);
  }
  yield* parseObject(rest);
}

function parseObject(line: string): object[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [value] : [];
  } catch {
    return []; // An empty line between two objects, or one that was cut off with the connection.
  }
}

interface Progress {
  readonly id?: unknown;
  readonly status?: unknown;
  readonly progressDetail?: { readonly current?: unknown } | null;
  readonly error?: unknown;
}

export function toPullStep(line: object): PullStep {
  const { id, status, progressDetail, error } = line as Progress;
  const text = typeof status === 'string' ? status : '';
  return {
    status: text,
    mark: JSON.stringify([id, text, progressDetail?.current]),
    error: typeof error === 'string' ? error : undefined,
  };
}
