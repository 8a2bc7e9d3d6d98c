import { describe, expect, test } from 'vitest';
import { RefusedError } from '../../../src/job/errors.js';
import type { Reach } from '../../../src/job/owner.js';
import type { QueueName, Right } from '../../../src/job/rights/rights.js';
import { type Guarded, withRights } from '../../../src/queue/rights/with-rights.js';
import type { FollowedOutput, Streams } from '../../../src/queue/streams.js';
import { FakeOperations } from '../../support/fake-operations.js';
import { FakeQueue } from '../../support/fake-queue.js';
import { FakeRegistry, fakeHistory } from '../../support/fake-registry.js';

/** Somebody who is granted these rights in one queue, or in all. */
function reachOf(granted: readonly Right[], where: QueueName | 'all' = 'demo'): Reach {
  const has = (needed: readonly Right[]) => needed.every((each) => granted.includes(each));
  const within = (queues: readonly QueueName[]) => queues.filter((each) => each === where);
  const rights = {
    inQueues: async (needed: readonly Right[], queues: readonly QueueName[]) =>
      has(needed) ? (where === 'all' ? ('all' as const) : within(queues)) : [],
    inLists: async (read: () => Promise<readonly string[]>) =>
      has(['read', 'list']) ? (where === 'all' ? ('all' as const) : within(await read())) : [],
    asOperator: async () => false,
    stillHold: async () => true,
  };
  return { everyone: false, ownerKey: 'entity:somebody', rights };
}

async function* none(): AsyncGenerator<never> {}

/** Streams of a queue's jobs that note what reached them. */
class NotedStreams implements Streams {
  readonly noted: unknown[][] = [];
  readonly #queue: FakeQueue;

  constructor(queue: FakeQueue) {
    this.#queue = queue;
  }

  async write(id: string, reach: Reach, ...rest: unknown[]): Promise<void> {
    this.#queue.check(id, reach);
    this.noted.push(['write', ...rest]);
  }

  async *follow(id: string, reach: Reach): AsyncGenerator<FollowedOutput> {
    this.#queue.check(id, reach);
    yield { kind: 'gap', bytes: 1 };
  }

  async position(id: string, reach: Reach, ...rest: unknown[]): Promise<number> {
    this.#queue.check(id, reach);
    this.noted.push(['position', ...rest]);
    return 1;
  }

  async events(_: string, reach: Reach): Promise<AsyncIterable<never>> {
    this.noted.push(['events', reach]);
    return none();
  }
}

function guarded() {
  const queue = new FakeQueue();
  const streams = new NotedStreams(queue);
  const job = queue.add({ queue: 'demo' });
  const parts: Guarded = {
    queue,
    streams,
    processes: { signal: async () => undefined, usage: async () => undefined },
    history: fakeHistory(queue),
    operations: new FakeOperations(),
    registry: new FakeRegistry(),
  };
  const context = { whereabouts: queue.whereabouts, submitNeedsRight: false, rightsPath: 'stint' };
  return { ...withRights(parts, context), fake: queue, noted: streams.noted, job };
}

const missing = { code: 'not_found' };
const { signal } = new AbortController();

async function kindsOf(followed: AsyncIterable<FollowedOutput>): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { kind } of followed) kinds.push(kind);
  return kinds;
}

describe('streams', () => {
  test('who may read a job follows its output', async () => {
    const { streams, job } = guarded();

    expect(await kindsOf(streams.follow(job.id, reachOf(['read']), { signal }))).toEqual(['gap']);
    await expect(kindsOf(streams.follow(job.id, reachOf(['list']), { signal }))).rejects.toMatchObject(
      missing,
    );
    await expect(
      kindsOf(streams.follow(job.id, reachOf(['read'], 'other'), { signal })),
    ).rejects.toMatchObject(missing);
  });

  test('nobody but the owner sends input, whatever the rights', async () => {
    const { streams, job, noted } = guarded();
    const everything = reachOf(['create', 'read', 'update', 'delete', 'list'], 'all');

    await expect(streams.write(job.id, everything, Buffer.from('x'))).rejects.toMatchObject(missing);
    await streams.write(job.id, { everyone: false, ownerKey: job.owner.key }, Buffer.from('x'), 'pipe');

    expect(noted).toEqual([['write', Buffer.from('x'), 'pipe']]);
  });

  test('what follows a reach is passed on', async () => {
    const { streams, job, noted } = guarded();

    await streams.position(job.id, reachOf(['read']), 'pipe');

    expect(noted.at(-1)).toEqual(['position', 'pipe']);
  });

  test('events are those of the queues within reach', async () => {
    const { streams, noted } = guarded();

    await streams.events('gaffer', reachOf(['read', 'list']), signal);
    await streams.events('gaffer', reachOf(['read', 'list'], 'all'), signal);

    expect(noted).toEqual([
      ['events', { everyone: false, ownerKey: 'entity:somebody', queues: ['demo'] }],
      ['events', { everyone: true }],
    ]);
  });
});

describe('a name', () => {
  const name = { door: 'runai', project: 'p', name: 'n' } as const;
  const label = { project: 'p', name: 'n' };

  test('stands for the own job before that of somebody else, and for the newest that may be seen', async () => {
    const { queue, fake } = guarded();
    const his = fake.add({ door: 'runai', queue: 'demo', label });
    fake.add({ door: 'runai', queue: 'other', label });

    expect(await queue.find(name, reachOf(['read']))).toMatchObject({ id: his.id });
    const own = fake.add({ door: 'runai', label, owner: { key: 'entity:somebody', displayName: 's' } });
    fake.add({ door: 'runai', queue: 'demo', label });
    expect(await queue.find(name, reachOf(['read']))).toMatchObject({ id: own.id });
  });
});

test('another error than a missing job asks for no right', async () => {
  const { queue, fake, job } = guarded();
  fake.failure = new RefusedError('conflict', 'It runs.');
  const reach = reachOf(['delete']);
  const caller = { entityId: 'e', accessor: 'a', displayName: 'd', policies: [] };

  await expect(queue.delete(job.id, reach, caller)).rejects.toMatchObject({ code: 'conflict' });
  expect(fake.asked).toEqual(['delete']);
});
