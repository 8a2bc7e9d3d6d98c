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

/** A line that gives these frames and then breaks, if it is to. */
function line(texts: readonly string[], breaks = false): Readable {
  async function* frames() {
    for (const text of texts) yield frame(text);
    if (breaks) throw new Error('socket hang up');
  }
  return Readable.from(frames());
}

/** What is read, and how the reading ended. */
async function read(
  attached: Readable,
  log: readonly string[],
  exit: Partial<WatchedExit> | Promise<WatchedExit> = {},
  info?: Engine['info'],
) {
  const parts = {
    engine: fakeEngine({ readLog: async () => line(log), ...(info && { info }) }),
    id: 'c1',
    line: attached,
    tty: false,
    exit: exit instanceof Promise ? exit : Promise.resolve({ ...ended, ...exit }),
    see: () => undefined,
    onLineEnd: () => undefined,
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
  test('takes from the log what a line did not bring that was cut shortly before the end, as if it had ended', async () => {
    const text = 'one\n';

    expect(await read(line([]), [text])).toEqual({ text, error: undefined });
    expect(await read(line(['on']), [text])).toEqual({ text, error: undefined });
  });

  test('believes a line that nothing speaks against, where the log has less', async () => {
    expect(await read(line(['one\n', 'two\n']), ['one\n'])).toEqual({ text: 'one\ntwo\n', error: undefined });
  });

  test('spares the log of a large output whose line ended with its container', async () => {
    const large = 'x'.repeat(300_000);

    expect((await read(line([large]), ['something else'])).text).toBe(large);
  });

  test.each([
    ['right', 0],
    ['an hour behind ours', -3_600_000],
    ['an hour ahead of ours', 3_600_000],
  ])(
    'by an engine whose clock is %s, tells a line that ended early from one that did not',
    async (_, offsetMs) => {
      const large = 'x'.repeat(300_000);
      const now = () => Date.now() + offsetMs;
      const info = async () => engineState({ clock: new Date(now()) });
      const endAfter = async (ms: number) => {
        const lineEndedAt = now();
        await delay(700); // The news of the end are late in both cases.
        return { ...ended, finishedAt: new Date(lineEndedAt + ms) };
      };

      expect((await read(line([large]), [large, 'y'], endAfter(650), info)).text).toBe(`${large}y`);
      expect((await read(line([large]), ['something else'], endAfter(20), info)).text).toBe(large);
    },
  );

  test('takes from the log what a broken line did not bring', async () => {
    expect(await read(line(['one\n', 'tw'], true), ['one\n', 'two\nthree'])).toEqual({
      text: 'one\ntwo\nthree',
      error: undefined,
    });
  });

  test('takes nothing from the log where nothing is missing', async () => {
    expect(await read(line(['one\n'], true), ['one\n'])).toEqual({ text: 'one\n', error: undefined });
  });

  test('reads on after an engine that was away, and is content if the container outlived that', async () => {
    const times = { backAt: new Date(1_000), finishedAt: new Date(2_000) };

    expect(await read(line(['a']), ['ab'], times)).toEqual({ text: 'ab', error: undefined });
  });

  test.each([
    ['its log was cut short', ['89'], {}],
    ['its log drops the ends of long lines', [`0123456789${'x'.repeat(20_000)}\n`], {}],
    ['it was away when the container ended', ['0123456789'], { backAt: new Date(9_000) }],
    [
      'it was away when the container ended',
      ['0123456789'],
      { backAt: new Date(9_000), finishedAt: undefined },
    ],
  ])('says that bytes may be missing: %s', async (why, log, exit) => {
    const { error } = await read(line(['0123456789'], true), log, exit);

    expect(error).toMatchObject({ fault: 'cut', message: expect.stringContaining('cut the line') });
    expect(error).toHaveProperty('text', `the line broke, and ${why}`);
  });
});
