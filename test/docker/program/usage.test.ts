import { expect, test } from 'vitest';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { toListedProcesses } from '../../../src/docker/engine/facts.js';
import { SharedUsage, usageOf } from '../../../src/docker/program/usage.js';
import { containerFacts, fakeEngine } from '../../support/fake-engine.js';

const running = { status: 'running', pid: 4711, finishedAt: undefined };
const rows = [
  ['4711', '1.5', '0.2', '1024', '4096'],
  ['4712', '98.5', '0.1', '2048', '8192'],
];

test('what a container uses is the sum over its processes', async () => {
  const engine = fakeEngine({
    findContainer: async () => containerFacts(running),
    processes: async () => toListedProcesses({ Processes: rows }),
    cpuTime: async () => 1_234,
  });

  expect(await usageOf(engine, 'c1')).toEqual({
    osPid: 4711,
    cpuPercent: 100,
    memoryPercent: expect.closeTo(0.3),
    residentBytes: 3 * 1024 ** 2,
    virtualBytes: 12 * 1024 ** 2,
    cpuTimeMs: 1_234,
  });
});

test('what an engine cannot tell is left out', async () => {
  const engine = fakeEngine({
    findContainer: async () => containerFacts(running),
    processes: async () => {
      throw new EngineError('processes', 'broken', 'no ps');
    },
    cpuTime: async () => undefined,
  });

  expect(await usageOf(engine, 'c1')).toEqual({
    osPid: 4711,
    cpuPercent: undefined,
    memoryPercent: undefined,
    residentBytes: undefined,
    virtualBytes: undefined,
    cpuTimeMs: undefined,
  });
});

test('a list without processes says nothing', async () => {
  const engine = fakeEngine({
    findContainer: async () => containerFacts(running),
    processes: async () => toListedProcesses({ Processes: null }),
    cpuTime: async () => 5,
  });

  expect(await usageOf(engine, 'c1')).toMatchObject({ residentBytes: undefined, cpuTimeMs: 5 });
});

test.each([
  ['ended', containerFacts()],
  ['missing', undefined],
])('a container that is %s uses nothing', async (_, facts) => {
  expect(await usageOf(fakeEngine({ findContainer: async () => facts }), 'c1')).toBeUndefined();
});

const nothingElse = {
  cpuPercent: undefined,
  memoryPercent: undefined,
  residentBytes: undefined,
  virtualBytes: undefined,
  cpuTimeMs: undefined,
};

test('A2: many who ask about one container at once, cost one look at it', async () => {
  const looks: string[] = [];
  const shared = new SharedUsage(async (id) => ({ ...nothingElse, osPid: looks.push(id) }));

  const together = await Promise.all([shared.of('c1'), shared.of('c1'), shared.of('c2')]);

  expect(together.map((usage) => usage?.osPid)).toEqual([1, 1, 2]);
  expect(looks).toEqual(['c1', 'c2']);
  await expect.poll(async () => (await shared.of('c1'))?.osPid, { timeout: 20_000 }).toBe(3);
});

test('a look that failed is told to all who waited for it, and is taken again', async () => {
  const looks: string[] = [];
  const shared = new SharedUsage(async (id) => {
    looks.push(id);
    if (looks.length === 1) throw new EngineError('processes', 'broken', 'no ps');
    return undefined;
  });

  await Promise.all([1, 2].map(() => expect(shared.of('c1')).rejects.toThrow('no ps')));

  await expect.poll(() => shared.of('c1').catch(() => 'failed'), { timeout: 20_000 }).toBeUndefined();
});
