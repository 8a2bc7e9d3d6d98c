import { EventEmitter, once } from 'node:events';
import pLimit from 'p-limit';
import { expect, test } from 'vitest';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { Sandboxes } from '../../../src/docker/sandbox/sandboxes.js';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { testSettings } from '../../support/backend-parts.js';
import { containerFacts } from '../../support/fake-engine.js';
import { engineWithImage } from './engine-with-image.js';

const settings = { ...testSettings, network: 'isolated' };

/** At an engine whose containers run, and where nothing can be seen of their networks. Two may be made. */
function openBench(given: Partial<Engine> = {}) {
  const told: string[] = [];
  const made: string[] = [];
  const removed: string[] = [];
  const { engine } = engineWithImage({
    findNetwork: async () => ({ keepsApart: true }),
    create: async (name) => {
      made.push(name);
      return `id of ${name}`;
    },
    start: async () => undefined,
    findContainer: async (id) => containerFacts({ id, status: 'running' }),
    remove: async (name) => void removed.push(name),
    ...given,
  });
  const starts = pLimit(1);
  const onFailure = (message: string) => void told.push(message);
  const sandboxes = new Sandboxes({ engine, settings, starts, most: 2, onFailure });
  return {
    sandboxes,
    starts,
    told,
    made,
    removed,
    [Symbol.asyncDispose]: () => sandboxes[Symbol.asyncDispose](),
  };
}

test('none is made before leftovers are removed, then as many as there may be', async () => {
  await using bench = openBench();

  bench.sandboxes.refill();
  expect(bench.made).toEqual([]);
  bench.sandboxes.open();

  await expect.poll(() => bench.made.length).toBe(2);
});

test('what cannot be looked into is used once', async () => {
  await using bench = openBench();
  bench.sandboxes.open();
  await expect.poll(() => bench.made.length).toBe(2);

  const taken = await bench.sandboxes.take({ options: {}, owner: 'entity:1', policy: strictPolicy });
  taken?.giveBack();

  await expect.poll(() => bench.removed).toEqual([taken?.name]);
  await expect.poll(() => bench.made.length).toBe(3);
});

test('one whose job may not be gone is removed', async () => {
  await using bench = openBench();
  bench.sandboxes.open();
  await expect.poll(() => bench.made.length).toBe(2);

  const taken = await bench.sandboxes.take({ options: {}, owner: 'entity:1', policy: strictPolicy });
  taken?.giveUp();

  await expect.poll(() => bench.removed).toEqual([taken?.name]);
});

test('none is made while a job waits for its start', async () => {
  await using bench = openBench();
  const turn = new EventEmitter();
  const start = once(turn, 'end');
  const waiting = [1, 2].map(() => bench.starts(() => start));

  bench.sandboxes.open();
  await expect.poll(() => bench.starts.pendingCount).toBe(1);
  expect(bench.made).toEqual([]);

  turn.emit('end');
  await Promise.all(waiting);
  bench.sandboxes.refill();
  await expect.poll(() => bench.made.length).toBe(2);
});

test('an engine that cannot make one is told of once, leaves nothing, and is asked again by the next job', async () => {
  let isFull = true;
  const start = async () => {
    if (isFull) throw new EngineError('start', 'disk_full', '');
  };
  await using bench = openBench({ start });

  bench.sandboxes.open();
  await expect.poll(() => bench.told).toHaveLength(1);
  bench.sandboxes.refill();
  await expect.poll(() => bench.removed).toHaveLength(2);
  expect(bench.told).toHaveLength(1);
  expect(bench.removed).toEqual(bench.made);

  isFull = false;
  bench.sandboxes.refill();
  await expect.poll(() => bench.made.length).toBe(4);
});

test('where the engine is short of something those that nobody uses are given up', async () => {
  await using bench = openBench();
  bench.sandboxes.open();
  await expect.poll(() => bench.made.length).toBe(2);
  const taken = await bench.sandboxes.take({ options: {}, owner: 'entity:1', policy: strictPolicy });

  bench.sandboxes.giveUp();

  await expect.poll(() => bench.removed).toEqual(bench.made.filter((name) => name !== taken?.name));
});
