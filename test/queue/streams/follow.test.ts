import { expect, test } from 'vitest';
import { followChunks } from '../../../src/queue/streams/follow.js';
import { WholeCharacters } from '../../../src/queue/streams/whole-characters.js';
import type { StoredChunk } from '../../../src/store/streams/watch.js';

const chunk = (seq: number, position: number, runs: number[], bytes: string | Buffer): StoredChunk => {
  return { seq, position, runs, bytes: Buffer.from(bytes) };
};

/** Each list is what is stored when the reader looks again; after the last the job has ended. */
async function follow(stored: readonly (readonly StoredChunk[])[], from = 0): Promise<string[]> {
  const left = [...stored];
  const all: StoredChunk[] = [];
  const source = {
    read: async (seq: number) => all.filter((each) => each.seq >= seq),
    news: async () => {
      const next = left.shift();
      all.push(...(next ?? []));
      return { hasOutput: next !== undefined };
    },
  };
  const seen: string[] = [];
  for await (const part of followChunks(source, from))
    seen.push(
      part.kind === 'gap' ? `gap ${part.bytes}` : `${part.stream} ${Buffer.from(part.bytes)} ${part.next}`,
    );
  return seen;
}

test('pieces come in their order, each of one stream, with the place to go on', async () => {
  const seen = await follow([[chunk(0, 0, [2, -1, 1], 'abXc')], [chunk(1, 4, [-2], 'YZ')]]);

  expect(seen).toEqual(['stdout ab 1', 'stderr X 1', 'stdout c 1', 'stderr YZ 2']);
});

test('a character that two chunks share comes whole, whatever the other stream prints between', async () => {
  const euro = Buffer.from('€');
  const seen = await follow([
    [chunk(0, 0, [2, -1], Buffer.concat([euro.subarray(0, 2), Buffer.from('X')]))],
    [chunk(1, 3, [2], Buffer.concat([euro.subarray(2), Buffer.from('!')]))],
  ]);

  expect(seen).toEqual(['stderr X 1', 'stdout €! 2']);
});

test('what was not kept is told, and what began before it comes as it is', async () => {
  const seen = await follow([[chunk(0, 0, [1], 'a'), chunk(5, 11, [1], 'b')]]);

  expect(seen).toEqual(['stdout a 1', 'gap 10', 'stdout b 6']);
});

test('a reader that begins later misses nothing', async () => {
  expect(await follow([[chunk(0, 0, [1], 'a'), chunk(1, 1, [1], 'b')]], 1)).toEqual(['stdout b 2']);
});

test('bytes that are no text pass, also at the end', async () => {
  const whole = new WholeCharacters();

  expect([...whole.push(Buffer.from([0xff, 0x80, 0x41, 0xe2, 0x82]))]).toEqual([0xff, 0x80, 0x41]);
  expect([...whole.end()]).toEqual([0xe2, 0x82]);
  expect([...whole.push(Buffer.from([0x42]))]).toEqual([0x42]);
});

test('nothing is read any more once nobody wants to know', async () => {
  const source = { read: async () => [], news: async () => undefined };
  const seen = [];
  for await (const part of followChunks(source, 0)) seen.push(part);

  expect(seen).toEqual([]);
});
