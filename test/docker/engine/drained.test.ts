import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { drained } from '../../../src/docker/engine/drained.js';

test('a stream that is read from accepts more, and keeps no listener', async () => {
  const stream = new PassThrough({ highWaterMark: 1 });
  const before = [stream.listenerCount('drain'), stream.listenerCount('close')];
  stream.write('full');

  const waiting = drained(stream);
  stream.resume();

  expect(await waiting).toBe(true);
  expect([stream.listenerCount('drain'), stream.listenerCount('close')]).toEqual(before);
});

test('a stream that is closed meanwhile accepts nothing more', async () => {
  const stream = new PassThrough();

  const waiting = drained(stream);
  stream.destroy();

  expect(await waiting).toBe(false);
});

test('a stream that was closed before is not waited for', async () => {
  const stream = new PassThrough();
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));

  expect(await drained(stream)).toBe(false);
});
