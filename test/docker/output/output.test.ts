import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { WatchedExit } from '../../../src/docker/container/exit.js';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { readOutput } from '../../../src/docker/output/output.js';
import { engineState, fakeEngine } from '../../support/fake-engine.js';

const ended: WatchedExit = {
  exit: { exitCode: 0, outOfMemory: false, proven: true },
  finishedAt: new Date(5_000),
  backAt: undefined,
};

function frame(text: string): Buffer {
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

/** A stream that yields these frames and then ends, or breaks if `breaks` is set. */
function streamOf(texts: readonly string[], breaks = false): Readable {
  async function* frames() {
    for (const text of texts) yield frame(text);
    if (breaks) throw new Error('socket hang up');
  }
  return Readable.from(frames());
}

/** What is read, and the error at the end. */
async function read(
  attached: Readable,
  log: readonly string[],
  exit: Partial<WatchedExit> | Promise<WatchedExit> = {},
  info?: Engine['info'],
) {
  const parts = {
    engine: fakeEngine({ readLog: async () => streamOf(log), ...(info && { info }) }),
    id: 'c1',
    attached,
    tty: false,
    exit: exit instanceof Promise ? exit : Promise.resolve({ ...ended, ...exit }),
    see: () => undefined,
    onStreamEnd: () => undefined,
  };
  let text = '';
  try {
    for await (const { bytes } of readOutput(parts)) text += Buffer.from(bytes).toString();
  } catch (error) {
    return { text, error };
  }
  return { text, error: undefined };
}

describe('readOutput', () => {
  test('reads from the log what is missing after a stream that was cut shortly before the end', async () => {
    const text = 'one\n';

    expect(await read(streamOf([]), [text])).toEqual({ text, error: undefined });
    expect(await read(streamOf(['on']), [text])).toEqual({ text, error: undefined });
  });

  test('trusts a stream without a sign of loss, though the log has less', async () => {
    expect(await read(streamOf(['one\n', 'two\n']), ['one\n'])).toEqual({
      text: 'one\ntwo\n',
      error: undefined,
    });
  });

  test('does not read the log of a large output whose stream ended with its container', async () => {
    const large = 'x'.repeat(300_000);

    expect((await read(streamOf([large]), ['something else'])).text).toBe(large);
  });

  test.each([
    ['right', 0],
    ['an hour behind ours', -3_600_000],
    ['an hour ahead of ours', 3_600_000],
  ])(
    'by an engine whose clock is %s, tells a stream that ended early from one that did not',
    async (_, offsetMs) => {
      const large = 'x'.repeat(300_000);
      const now = () => Date.now() + offsetMs;
      const info = async () => engineState({ clock: new Date(now()) });
      const endAfter = async (ms: number) => {
        const streamEndedAt = now();
        await delay(700); // The end is reported late in both cases.
        return { ...ended, finishedAt: new Date(streamEndedAt + ms) };
      };

      expect((await read(streamOf([large]), [large, 'y'], endAfter(650), info)).text).toBe(`${large}y`);
      expect((await read(streamOf([large]), ['something else'], endAfter(20), info)).text).toBe(large);
    },
  );

  test('reads from the log what is missing after a broken stream', async () => {
    expect(await read(streamOf(['one\n', 'tw'], true), ['one\n', 'two\nthree'])).toEqual({
      text: 'one\ntwo\nthree',
      error: undefined,
    });
  });

  test('reads nothing from the log when nothing is missing', async () => {
    expect(await read(streamOf(['one\n'], true), ['one\n'])).toEqual({ text: 'one\n', error: undefined });
  });

  test('continues after an outage of the engine, without an error if the container outlasted it', async () => {
    const times = { backAt: new Date(1_000), finishedAt: new Date(2_000) };

    expect(await read(streamOf(['a']), ['ab'], times)).toEqual({ text: 'ab', error: undefined });
  });
});

describe('an output with missing bytes', () => {
  test.each([
    ['its log was cut short', ['89'], {}],
    ['its log drops the ends of long lines', [`0123456789${'x'.repeat(20_000)}\n`], {}],
    ['it was unavailable when the container ended', ['0123456789'], { backAt: new Date(9_000) }],
    [
      'it was unavailable when the container ended',
      ['0123456789'],
      { backAt: new Date(9_000), finishedAt: undefined },
    ],
  ])('ends with an error that says why: %s', async (why, log, exit) => {
    const { error } = await read(streamOf(['0123456789'], true), log, exit);

    expect(error).toMatchObject({
      fault: 'cut',
      message: expect.stringContaining('connection to the engine broke'),
    });
    expect(error).toHaveProperty('text', `the attached stream broke, and ${why}`);
  });
});
