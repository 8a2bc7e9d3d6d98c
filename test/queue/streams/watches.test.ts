import { expect, test, vi } from 'vitest';
import { Watches } from '../../../src/queue/streams/watches.js';
import type { WatchedJob, WatchedNews } from '../../../src/store/streams/watch.js';

const news = (id: string, seq: number): WatchedNews => ({
  id,
  pipe: '',
  seq,
  hasOutput: true,
  hasEnded: false,
});
const place = (id: string, seq = 0) => ({ id, pipe: '', seq });

test('however many wait, they are asked for together, and each is told its own news', async () => {
  const asked: (readonly WatchedJob[])[] = [];
  let told: WatchedNews[] = [];
  const watches = new Watches({
    readWatched: async (watched) => {
      asked.push(watched);
      return told;
    },
  });
  const signal = new AbortController().signal;
  const waiting = Array.from({ length: 50 }, (_, at) => watches.news(place(`job-${at}`, at), signal));
  await vi.waitFor(() => expect(asked.at(-1)).toHaveLength(50));
  const before = asked.length;

  told = waiting.map((_, at) => news(`job-${at}`, at));

  expect(await Promise.all(waiting)).toEqual(told);
  expect(asked.length - before).toBeLessThanOrEqual(2);
});

test('nobody is asked for once nobody waits', async () => {
  const readWatched = vi.fn<() => Promise<WatchedNews[]>>(async () => []);
  const watches = new Watches({ readWatched });
  const gone = new AbortController();
  const waiting = watches.news(place('job-1'), gone.signal);
  await vi.waitFor(() => expect(readWatched).toHaveBeenCalled());

  gone.abort();

  expect(await waiting).toBeUndefined();
  expect(await watches.news(place('job-1'), gone.signal)).toBeUndefined();
});

test('an outage of Postgres is waited for', async () => {
  const readWatched = vi
    .fn<() => Promise<WatchedNews[]>>(async () => [news('job-1', 0)])
    .mockRejectedValueOnce(new Error('It is away.'));
  const watches = new Watches({ readWatched });

  expect(await watches.news(place('job-1'), new AbortController().signal)).toEqual(news('job-1', 0));
});
