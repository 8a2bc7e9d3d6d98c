import { expect, test } from 'vitest';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { toListedProcesses } from '../../../src/docker/engine/facts.js';
import { usageOf } from '../../../src/docker/program/usage.js';
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
