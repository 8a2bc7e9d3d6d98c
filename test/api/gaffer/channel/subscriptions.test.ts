import { expect, test, vi } from 'vitest';
import { type Subscribing, subscribe } from '../../../../src/api/gaffer/channel/subscriptions.js';
import { BrokenError, RefusedError } from '../../../../src/job/errors.js';

const process = { id: 'a'.repeat(24), parent: 'b'.repeat(24), state: 'running' };
const away = new BrokenError('database_unavailable', 'It is away.');
const gone = new RefusedError('not_found', 'not found');

/** A process that is found as the answers say, one after the other, then as the last one says. */
function subscribing(...answers: (Error | undefined)[]) {
  const sent: string[] = [];
  let turns = 0;
  const over = new AbortController();
  const find = async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer !== undefined) throw answer;
    return process;
  };
  const how = {
    asker: {
      queue: { find },
      processes: { usage: async () => undefined },
      reach: { everyone: true },
      inTurn: <T>(work: () => Promise<T>) => {
        turns += 1;
        return work();
      },
    },
    signal: over.signal,
    send: async (event: string) => void sent.push(event),
  };
  return { sent, over, turns: () => turns, how: how as unknown as Subscribing }; // Stats need few parts.
}

const topic = { of: 'process_stats', pid: '7' } as const;

test('stats go on after an outage of Postgres', async () => {
  const { sent, over, how } = subscribing(undefined, undefined, away, undefined);
  const telling = (await subscribe(topic, how))();

  await vi.waitFor(() => expect(sent).toEqual(['stat', 'stat']), { timeout: 5_000 });
  over.abort();
  expect(await telling).toBeUndefined();
});

test('A2: each look at stats waits for a turn of the caller', async () => {
  const { turns, over, how } = subscribing(undefined);
  const telling = (await subscribe(topic, how))();

  await expect.poll(turns, { timeout: 10_000 }).toBeGreaterThan(2);
  over.abort();
  await telling;
});

test('stats end with their process', async () => {
  const { sent, how } = subscribing(undefined, undefined, gone);

  await (await subscribe(topic, how))();

  expect(sent).toEqual(['stat']);
});

test('what is broken in another way is told to who subscribed', async () => {
  const { how } = subscribing(undefined, new Error('A bug.'));

  await expect((await subscribe(topic, how))()).rejects.toThrow('A bug.');
});
