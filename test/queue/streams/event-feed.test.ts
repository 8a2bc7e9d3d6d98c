import { expect, test } from 'vitest';
import { EventFeed } from '../../../src/queue/streams/event-feed.js';
import type { JobEvent } from '../../../src/queue/streams.js';
import type { FoundEvents, NewEvent } from '../../../src/store/streams/events.js';

const event = (seq: number, ownerKey = 'entity:ann'): NewEvent => ({
  seq,
  ownerKey,
  queue: null,
  kind: 'running',
  jobId: `job-${seq}`,
  jobName: null,
  project: null,
  slot: null,
  exitCode: null,
  parentName: null,
  parentProject: null,
  progress: null,
});

/** Holds events, and fails while it is told to. */
class Histories {
  readonly events: NewEvent[] = [];
  isAway = false;
  reads = 0;
  failures = 0;
  /** After which number was read last. */
  after = 0;

  async readLastEvent(): Promise<number> {
    this.#failWhileAway();
    return Math.max(0, ...this.events.map(({ seq }) => seq));
  }

  async readNewEvents(
    _: string,
    { after, known, limit }: { after: number; known: readonly number[]; limit: number },
  ): Promise<FoundEvents> {
    this.#failWhileAway();
    this.reads++;
    this.after = after;
    const isNew = ({ seq }: NewEvent) => seq > after && !known.includes(seq);
    const events = this.events
      .filter(isNew)
      .toSorted((one, other) => one.seq - other.seq)
      .slice(0, limit);
    return { events, seqs: events.map(({ seq }) => seq) };
  }

  #failWhileAway(): void {
    if (!this.isAway) return;
    this.failures++;
    throw new Error('Postgres is away.');
  }
}

const ann = { everyone: false, ownerKey: 'entity:ann' } as const;

/** Reads along until the signal fires. */
function note(events: AsyncIterable<JobEvent>): string[] {
  const noted: string[] = [];
  const read = async () => {
    for await (const { jobId } of events) noted.push(jobId);
  };
  void read();
  return noted;
}

test('who subscribes while Postgres is away is told, and keeps nobody from subscribing later', async () => {
  const histories = new Histories();
  histories.events.push(event(1));
  const feed = new EventFeed(histories);
  const over = new AbortController();
  const subscription = { door: 'gaffer', reach: ann, signal: over.signal } as const;
  histories.isAway = true;
  await expect(feed.subscribe(subscription)).rejects.toThrow('Postgres is away.');
  histories.isAway = false;

  const noted = note(await feed.subscribe(subscription));
  histories.events.push(event(2));

  await expect.poll(() => noted).toEqual(['job-2']);
  over.abort();
});

test('an outage of Postgres is waited for, and what was written meanwhile comes then', async () => {
  const histories = new Histories();
  const over = new AbortController();
  const subscription = { door: 'gaffer', reach: ann, signal: over.signal } as const;
  const noted = note(await new EventFeed(histories).subscribe(subscription));
  histories.events.push(event(1));
  await expect.poll(() => noted).toEqual(['job-1']);
  histories.isAway = true;
  histories.events.push(event(2));
  await expect.poll(() => histories.failures).toBeGreaterThan(1);
  histories.isAway = false;

  await expect.poll(() => noted).toEqual(['job-1', 'job-2']);
  over.abort();
});

test('however many are written at once, all come, and one that is stored behind others too', async () => {
  const histories = new Histories();
  const over = new AbortController();
  const subscription = { door: 'gaffer', reach: ann, signal: over.signal } as const;
  const noted = note(await new EventFeed(histories).subscribe(subscription));
  const many = Array.from({ length: 2_500 }, (_, at) => event(at + 2));
  histories.events.push(...many);

  await expect.poll(() => noted.length, { timeout: 3_000 }).toBe(many.length);
  histories.events.push(event(1));
  await expect.poll(() => noted.at(-1)).toBe('job-1');
  expect(new Set(noted).size).toBe(noted.length);
  over.abort();
});

test('nobody reads once nobody is subscribed, and each gets only what is in reach', async () => {
  const histories = new Histories();
  const feed = new EventFeed(histories);
  const over = new AbortController();
  const of = (reach: typeof ann | { readonly everyone: true }) =>
    feed.subscribe({ door: 'gaffer', reach, signal: over.signal });
  const [own, all] = [note(await of(ann)), note(await of({ everyone: true }))];
  histories.events.push(event(1), event(2, 'entity:eve'));
  await expect.poll(() => [own, all]).toEqual([['job-1'], ['job-1', 'job-2']]);

  over.abort();

  await expect
    .poll(
      () => {
        const { reads } = histories;
        histories.reads = 0;
        return reads;
      },
      { interval: 700 },
    )
    .toBe(0);
});

test('what is known for some seconds is not looked at again', async () => {
  const histories = new Histories();
  histories.events.push(event(1));
  const over = new AbortController();
  const subscription = { door: 'gaffer', reach: ann, signal: over.signal } as const;
  const noted = note(await new EventFeed(histories).subscribe(subscription));
  histories.events.push(event(2), event(3));
  await expect.poll(() => noted).toEqual(['job-2', 'job-3']);
  expect(histories.after).toBe(1);

  await expect.poll(() => histories.after, { timeout: 20_000 }).toBe(3);
  expect(noted).toEqual(['job-2', 'job-3']);
  over.abort();
});
