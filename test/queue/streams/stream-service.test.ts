import { randomBytes } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import { createStreams, type StreamServiceParts } from '../../../src/queue/streams/stream-service.js';
import type { StoredChunk } from '../../../src/store/streams/watch.js';

const everyone = { everyone: true } as const;
const away = () => new BrokenError('database_unavailable', 'It is away.');
const chunk: StoredChunk = { seq: 0, position: 0, runs: [5], bytes: Buffer.from('hello') };

/** Fails at its first call. */
function awayAtFirst<Given, Answer>(answer: (given: Given) => Answer): (given: Given) => Promise<Answer> {
  let isAway = true;
  return async (given) => {
    if (!isAway) return answer(given);
    isAway = false;
    throw away();
  };
}

/** A job that has printed one chunk and ended; each of its statements fails once first. */
const storeThatWasAway = {
  findJob: awayAtFirst(() => ({ job: {} })),
  readChunks: awayAtFirst(({ seq }: { seq: number }) => (seq === 0 ? [chunk] : [])),
  readWatched: awayAtFirst((watched: readonly { id: string; seq: number }[]) =>
    watched.map((each) => ({ ...each, hasOutput: false, hasEnded: true })),
  ),
};

function streamsOver(store: object) {
  return createStreams({
    store: store as StreamServiceParts['store'], // Of a job only its being there is asked for.
    sealKey: randomBytes(32),
    ringInput: () => undefined,
  });
}

test('a reading of output waits while Postgres is away, and goes on where it was', async () => {
  const streams = streamsOver(storeThatWasAway);
  const read: string[] = [];

  for await (const part of streams.follow('job-1', everyone, { signal: new AbortController().signal }))
    read.push(part.kind === 'piece' ? Buffer.from(part.bytes).toString() : part.kind);

  expect(read).toEqual(['hello']);
});

test('A2: each piece of an output is read when it is its turn', async () => {
  const turns: string[] = [];
  const inTurn = async <T>(work: () => Promise<T>) => {
    turns.push('begin');
    const done = await work();
    turns.push('end');
    return done;
  };
  const readChunks = async ({ seq }: { seq: number }) => {
    turns.push(`read ${seq}`);
    return seq === 0 ? [chunk] : [];
  };
  const streams = streamsOver({ ...storeThatWasAway, findJob: async () => ({ job: {} }), readChunks });
  const { signal } = new AbortController();

  for await (const _ of streams.follow('job-1', everyone, { signal, inTurn })) turns.push('piece');

  expect(turns).toEqual(['begin', 'read 0', 'end', 'piece', 'begin', 'read 1', 'end']);
});

test('who is gone does not wait for Postgres', async () => {
  const gone = new AbortController();
  const findJob = vi.fn<() => Promise<never>>(async () => {
    gone.abort();
    throw away();
  });
  const reading = streamsOver({ findJob }).follow('job-1', everyone, { signal: gone.signal });

  await expect(reading[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'database_unavailable',
  });
  expect(findJob).toHaveBeenCalledTimes(1);
});

test('what is broken in another way is no reason to wait', async () => {
  const findJob = vi.fn<() => Promise<never>>(async () => {
    throw new BrokenError('internal', 'It is broken.');
  });
  const reading = streamsOver({ findJob }).follow('job-1', everyone, {
    signal: new AbortController().signal,
  });

  await expect(reading[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'internal' });
});
