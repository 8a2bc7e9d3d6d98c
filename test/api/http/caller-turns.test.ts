import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CallerTurns } from '../../../src/api/http/caller-turns.js';
import { createTestApp } from '../../support/test-app.js';

/** Work that goes on until it is told to end. */
function openWork(turns: CallerTurns) {
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (caller: string, name: string, failure?: Error) =>
    turns.take(caller, async () => {
      began.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      if (failure !== undefined) throw failure;
    });
  const end = async (name: string) => {
    ends.get(name)?.();
    await nextTurn();
  };
  return { began, start, end };
}

test('A2: requests of one caller beyond the first ones wait for them, in the order of asking; others do not', async () => {
  const { began, start, end } = openWork(new CallerTurns({ inWork: 2, waiting: 2 }));
  const all = ['a1', 'a2', 'a3', 'a4'].map((name) => start('a', name));
  await nextTurn();
  expect(began).toEqual(['a1', 'a2']);
  await expect(start('a', 'a5')).rejects.toMatchObject({ code: 'rate_limited' });
  void start('b', 'b1');
  expect(began).toEqual(['a1', 'a2', 'b1']);

  await end('a2');
  expect(began.at(-1)).toBe('a3');
  await end('a3');
  await end('a4');
  await end('a1');

  await Promise.all(all);
  void start('a', 'a6');
  void start('a', 'a7');
  expect(began.slice(-2)).toEqual(['a6', 'a7']);
});

test('A2: what is done over connections waits in the same line, however many wait', async () => {
  const turns = new CallerTurns({ inWork: 1, waiting: 0 });
  const { began, start, end } = openWork(turns);
  const all = [start('a', 'a1')];
  all.push(...['x', 'y', 'z'].map((name) => turns.takeAnyway('a', async () => void began.push(name))));
  await nextTurn();
  expect(began).toEqual(['a1']);

  await end('a1');
  await Promise.all(all);

  expect(began).toEqual(['a1', 'x', 'y', 'z']);
});

test('work that fails passes its place on', async () => {
  const { began, start, end } = openWork(new CallerTurns({ inWork: 1, waiting: 1 }));
  const failing = start('a', 'bad', new Error('away')).catch((error: Error) => error.message);
  const next = start('a', 'good');

  await end('bad');

  expect(await failing).toBe('away');
  expect(began).toEqual(['bad', 'good']);
  await end('good');
  await next;
});

test('A2: of very many requests of one caller at once few are in work, and the rest is refused', async () => {
  const { app, queue } = createTestApp();
  const release = new AbortController();
  let most = 0;
  let inWork = 0;
  queue.counts = async () => [];
  queue.list = async () => {
    inWork += 1;
    most = Math.max(most, inWork);
    if (!release.signal.aborted)
      await new Promise((resolve) => release.signal.addEventListener('abort', resolve));
    inWork -= 1;
    return { jobs: [], total: 0 };
  };
  const ask = () => app.request('/v1/api/job', { headers: { 'x-auth-token': 's.token1' } });
  const answers = Array.from({ length: 300 }, ask);
  await expect.poll(() => most).toBe(8);
  release.abort();

  const statuses = (await Promise.all(answers)).map(({ status }) => status);

  expect(most).toBe(8);
  expect(statuses.filter((status) => status === 200)).toHaveLength(208);
  expect(statuses.filter((status) => status === 429)).toHaveLength(92);
});
