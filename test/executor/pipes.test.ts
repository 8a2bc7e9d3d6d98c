import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ProgramPipe } from '../../src/executor/backend.js';
import { partMask } from '../../src/executor/masking/mask-parts.js';
import { copyPipes, feedPipes } from '../../src/executor/pipes.js';
import { BrokenError, FencedError } from '../../src/job/errors.js';
import { Secret } from '../../src/job/secret.js';
import { ExecutorBench } from '../support/executor-bench.js';
import { maskOf } from '../support/mask.js';

let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
});
afterEach(() => bench[Symbol.dispose]());

async function* bytesOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('begun');
  throw new Error('It broke.');
}

/** One piece for each. */
function input(name = '') {
  const pieces = [Buffer.from(`to ${name}`)];
  return { next: async () => pieces.shift() };
}

function pipeOf(name: string, output: AsyncIterable<Uint8Array>, written: string[] = []): ProgramPipe {
  const write = async (bytes: Uint8Array) => {
    written.push(Buffer.from(bytes).toString());
  };
  return { name, output, write };
}

function copy(...pipes: ProgramPipe[]) {
  const parts = bench.parts();
  const secrets = new Map([['KEY', new Secret('open-sesame')]]);
  return copyPipes(bench.run(), {
    running: { pipes },
    pipeFilter: () => partMask(maskOf(secrets)),
    onFound: (found) => bench.run().recorder.masked(found, false),
    parts,
  });
}

test('what comes through each pipe is stored by its name, masked, and secrets that come in pieces too', async () => {
  const flaw = await copy(
    pipeOf('a', bytesOf('say open-', 'sesame now')),
    pipeOf('b', bytesOf('sesame')),
    pipeOf('c', bytesOf()),
  );

  expect(flaw).toBeUndefined();
  expect(bench.piped.get('a')).toMatch(/^say (?!open-sesame)\S+ now$/);
  expect(bench.piped.get('b')).toBe('sesame');
  expect(bench.found).toEqual([{ name: 'KEY', stream: 'pipe' }]);
  expect(bench.piped.has('c')).toBe(false);
});

test('a pipe that breaks is a flaw, and what came before it is kept', async () => {
  expect(await copy(pipeOf('a', breaking()), pipeOf('b', bytesOf('whole')))).toBe('pipe_broken');
  expect(Object.fromEntries(bench.piped)).toEqual({ a: 'begun', b: 'whole' });
});

test.each([
  [new FencedError('Lost.'), 'fenced'],
  [new BrokenError('internal', 'No.'), undefined],
])('what cannot be stored is a flaw, and a lost claim stops the job: %s', async (error, reason) => {
  bench.at('recorder.appendPipe', () => {
    throw error;
  });

  expect(await copy(pipeOf('a', bytesOf('x')))).toBe('pipe_broken');
  expect(bench.stop.reason).toBe(reason);
});

test('each pipe is given what was sent to it, and one that takes nothing holds up no other', async () => {
  const written: string[] = [];
  const stuck = { ...pipeOf('stuck', bytesOf()), write: () => new Promise<void>(() => undefined) };
  const feeds = feedPipes(
    { ...bench.run(), input },
    { running: { pipes: [stuck, pipeOf('b', bytesOf(), written)] } },
  );

  await vi.waitFor(() => expect(written).toEqual(['to b']));
  for (const feed of feeds) feed[Symbol.dispose]();
});
