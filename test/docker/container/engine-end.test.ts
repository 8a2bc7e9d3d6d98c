import { expect, test } from 'vitest';
import { wasEndedByEngine } from '../../../src/docker/container/engine-end.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { fakeEngine } from '../../support/fake-engine.js';

const answer = { serverVersion: '1', apiVersion: '1.41' };
const there = { version: async () => answer, remembers: async (_: string, event: string) => event === 'die' };
const going = {
  version: async () => {
    throw new EngineError('version', 'no_socket', '');
  },
};

function exitOf(exitCode: number, backAt?: Date, outOfMemory = false) {
  return { exit: { exitCode, outOfMemory, proven: true }, finishedAt: new Date(), backAt };
}

test.each([137, 143, 255])(
  'E2: code %i around a restart of the engine is the engine’s doing',
  async (code) => {
    expect(await wasEndedByEngine({ engine: fakeEngine(there), id: 'c1' }, exitOf(code, new Date()))).toBe(
      true,
    );
  },
);

test('E2: so is one after which the engine becomes unavailable', async () => {
  expect(await wasEndedByEngine({ engine: fakeEngine(going), id: 'c1' }, exitOf(143))).toBe(true);
});

test.each([0, 1, 130, 139])('code %i is the job’s own, whatever the engine does', async (code) => {
  expect(await wasEndedByEngine({ engine: fakeEngine(going), id: 'c1' }, exitOf(code, new Date()))).toBe(
    false,
  );
});

test('a job that ran out of memory did so by itself', async () => {
  expect(await wasEndedByEngine({ engine: fakeEngine(going), id: 'c1' }, exitOf(137, new Date(), true))).toBe(
    false,
  );
});

test('a manual kill is the job’s own end when the engine stays available', { timeout: 10_000 }, async () => {
  expect(await wasEndedByEngine({ engine: fakeEngine(there), id: 'c1' }, exitOf(137))).toBe(false);
});

test('E2: an engine that sent the signal itself is watched for longer', { timeout: 10_000 }, async () => {
  const startedAt = performance.now();
  const version = async () => (performance.now() - startedAt < 3_000 ? answer : going.version());

  const engine = fakeEngine({ version, remembers: async (_, event) => event === 'kill' });

  expect(await wasEndedByEngine({ engine, id: 'c1' }, exitOf(143))).toBe(true);
});

test('E2: an engine that restarted unnoticed no longer has the event of the end', {
  timeout: 10_000,
}, async () => {
  const engine = fakeEngine({ version: async () => answer, remembers: async () => false });

  expect(await wasEndedByEngine({ engine, id: 'c1' }, exitOf(143))).toBe(true);
});
