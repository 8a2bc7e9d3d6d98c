import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { WatchedExit } from '../../../src/docker/container/exit.js';
import { resumeOutput } from '../../../src/docker/output/resumed-output.js';
import type { OutputPart, StreamPositions } from '../../../src/executor/backend.js';
import { fakeEngine } from '../../support/fake-engine.js';

const exit: WatchedExit = {
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  finishedAt: new Date(2_000),
  backAt: undefined,
};

/** A message of the engine's log, with its time. */
function message(text: string, more: { time?: string; kind?: number } = {}): Buffer {
  const { time = '2026-01-01T00:00:00.000000000Z', kind = 1 } = more;
  const body = Buffer.from(`${time} ${text}`);
  const header = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

interface Given {
  readonly logs: readonly Buffer[];
  readonly from?: Partial<StreamPositions>;
  readonly watched?: Partial<WatchedExit>;
  readonly keptLogBytes?: number;
  /** Whether the engine saw the container end. */
  readonly isRemembered?: boolean;
}

/** Resumes the output of a container that has ended, whose log comes in pieces of seven bytes. */
async function resumed({ logs, from, watched, keptLogBytes = 1_000_000, isRemembered = true }: Given) {
  const bytes = Buffer.concat(logs);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) =>
    bytes.subarray(7 * i, 7 * i + 7),
  );
  const printed = { stdout: '', stderr: '' };
  const engine = fakeEngine({
    openLog: async () => Readable.from(pieces),
    recallEnd: async () => ({ endedAt: isRemembered ? new Date(2_000) : undefined, wasSignalled: false }),
  });
  const parts = resumeOutput({
    engine,
    id: 'c1',
    tty: false,
    exit: Promise.resolve({ ...exit, ...watched }),
    hasEnded: true,
    from: { stdout: 0, stderr: 0, ...from },
    keptLogBytes,
    signal: new AbortController().signal,
    see: () => undefined,
    onStreamEnd: () => undefined,
  });
  const flaw = await read(parts, printed);
  return { ...printed, flaw };
}

async function read(parts: AsyncIterable<OutputPart>, printed: Record<OutputPart['stream'], string>) {
  try {
    for await (const { stream, bytes } of parts) printed[stream] += Buffer.from(bytes).toString();
    return undefined;
  } catch (error) {
    return (error as { text?: unknown }).text;
  }
}

describe('an output that is read from the log', () => {
  test('throws when the engine was restarted, because the last bytes may be lost', async () => {
    const { stdout, flaw } = await resumed({ logs: [message('one\n')], isRemembered: false });

    expect({ stdout, flaw }).toEqual({
      stdout: 'one\n',
      flaw: 'the engine was restarted about when the container ended',
    });
  });

  test('continues at its byte in each stream', async () => {
    const logs = [message('one\n'), message('other\n', { kind: 2 }), message('two\n')];

    expect(await resumed({ logs, from: { stdout: 5, stderr: 2 } })).toEqual({
      stdout: 'wo\n',
      stderr: 'her\n',
      flaw: undefined,
    });
  });

  test('has exactly those newlines restored that the log dropped', async () => {
    const piece = 'x'.repeat(16_384);
    const logs = [
      message(piece, { time: 't1' }),
      message('a', { time: 't1' }),
      message(piece, { time: 't2' }),
      message(piece, { time: 't3' }),
      message(piece, { time: 't3' }),
      message('b\n', { time: 't4' }),
      message('tail', { time: 't5' }),
    ];

    const { stdout, flaw } = await resumed({ logs });

    expect(stdout === `${piece}a\n${piece}\n${piece}${piece}\nb\ntail`).toBe(true);
    expect(flaw).toBeUndefined();
  });

  test.each<[string, Given, string]>([
    [
      'whose beginning may be gone',
      { logs: [message('one\n')], keptLogBytes: 100 },
      'the beginning of its log may be gone',
    ],
    [
      'that is shorter than what is known',
      { logs: [message('one\n')], from: { stdout: 9 } },
      'its log lacks some of it',
    ],
    [
      'of a container that ended while its engine was unavailable',
      { logs: [message('one\n')], watched: { backAt: new Date(3_000) } },
      'the engine was unavailable when the container ended',
    ],
    ['that ends inside a message', { logs: [message('one\n').subarray(0, 20)] }, 'it ended inside a message'],
    ['that holds no messages', { logs: [Buffer.alloc(50, 'x')] }, 'it contains something that is no message'],
  ])('says so of a log %s', async (_, given, flaw) => {
    expect((await resumed(given)).flaw).toBe(flaw);
  });

  test('is complete when the engine was unavailable and back before the end', async () => {
    const watched = { backAt: new Date(1_000) };

    expect(await resumed({ logs: [message('one\n')], watched })).toMatchObject({
      stdout: 'one\n',
      flaw: undefined,
    });
  });
});
