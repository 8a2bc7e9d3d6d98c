import { expect, test, vi } from 'vitest';
import { feedInput, type JobInput } from '../../src/executor/input.js';

/** Gives these pieces, then none until it is told to end. */
function inputOf(...pieces: string[]): JobInput {
  const left = [...pieces];
  return {
    next: async (signal) => {
      const piece = left.shift();
      if (piece !== undefined) return Buffer.from(piece);
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      return undefined;
    },
  };
}

test('pieces are written one after another, in their order', async () => {
  const written: string[] = [];
  let busy = 0;
  const write = async (bytes: Uint8Array) => {
    expect(++busy).toBe(1);
    await Promise.resolve();
    written.push(Buffer.from(bytes).toString());
    busy--;
  };

  using _ = feedInput({ write }, inputOf('a', 'b', 'c'));

  await vi.waitFor(() => expect(written).toEqual(['a', 'b', 'c']));
});

test('a piece that the engine does not take is lost, and the next one follows', async () => {
  const write = vi
    .fn<() => Promise<void>>(async () => undefined)
    .mockRejectedValueOnce(new Error('The engine is away.'));

  using _ = feedInput({ write }, inputOf('a', 'b'));

  await vi.waitFor(() => expect(write).toHaveBeenCalledTimes(2));
});

test('a job without input writes nothing, and a lost claim ends the feeding', async () => {
  const write = vi.fn<() => Promise<void>>(async () => undefined);
  const next = vi.fn<() => Promise<undefined>>(async () => {
    throw new Error('The claim is lost.');
  });

  using none = feedInput({ write }, undefined);
  using lost = feedInput({ write }, { next });
  await vi.waitFor(() => expect(next).toHaveBeenCalledTimes(1));

  expect(write).not.toHaveBeenCalled();
  expect([none, lost]).toHaveLength(2);
});
