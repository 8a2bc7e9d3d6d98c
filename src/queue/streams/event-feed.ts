// Hands what is new in the histories of jobs to whoever reads along: one statement for all readers of a door, in turns.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { RefusedError } from '../../job/errors.js';
import type { Door } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Store } from '../../store/store.js';
import type { NewEvent } from '../../store/streams/events.js';
import type { JobEvent } from '../streams.js';

const intervalMs = 300;
/** An event may be stored so long after others with higher numbers: statements take less. */
const lateMs = 5_000;
const eventsAtOnce = 1_000;
const mostWaiting = 10_000;

type FeedStore = Pick<Store, 'readNewEvents' | 'readLastEvent'>;

interface Subscription {
  readonly door: Door;
  readonly reach: Reach;
  readonly signal: AbortSignal;
}

interface DoorFeed {
  readonly readers: Set<Reader>;
  /** Settles once its cursor has a beginning; without one it is no feed, and the next subscription opens another. */
  readonly begun: Promise<unknown>;
}

/** Reads while somebody subscribes to a door, and not otherwise. */
export class EventFeed {
  readonly #store: FeedStore;
  readonly #doors = new Map<Door, DoorFeed>();

  constructor(store: FeedStore) {
    this.#store = store;
  }

  /** Resolves when it has begun: it has all that happens from then on. */
  async subscribe({ door, reach, signal }: Subscription): Promise<AsyncIterable<JobEvent>> {
    const reader = new Reader(reach);
    const { readers, begun } = this.#doors.get(door) ?? this.#open(door);
    readers.add(reader);
    signal.addEventListener('abort', () => readers.delete(reader), { once: true });
    if (signal.aborted) readers.delete(reader);
    await begun;
    return reader.read(signal);
  }

  #open(door: Door): DoorFeed {
    const cursor = new EventCursor(this.#store, door);
    const begun = cursor.begin().catch((error: unknown) => {
      this.#doors.delete(door);
      throw error;
    });
    const feed = { readers: new Set<Reader>(), begun };
    this.#doors.set(door, feed);
    begun.then(
      () => this.#readOn(door, cursor, feed),
      () => undefined, // Whoever subscribed is told.
    );
    return feed;
  }

  async #readOn(door: Door, cursor: EventCursor, { readers }: DoorFeed): Promise<void> {
    while (readers.size > 0) {
      await delay(intervalMs);
      const found = await cursor.next().catch((): NewEvent[] => []); // Postgres will be there again.
      for (const reader of readers) reader.take(found);
    }
    this.#doors.delete(door);
  }
}

/** Reads each event once, also one that becomes visible behind others. */
class EventCursor {
  readonly #store: FeedStore;
  readonly #door: Door;
  /** All up to this number are known, or too old to come. */
  #settled = 0;
  /** Numbers that were the last ones, and when. */
  #marks: { readonly at: number; readonly seq: number }[] = [];
  #seen = new Set<number>();

  constructor(store: FeedStore, door: Door) {
    this.#store = store;
    this.#door = door;
  }

  async begin(): Promise<void> {
    this.#settled = await this.#store.readLastEvent();
  }

  async next(): Promise<readonly NewEvent[]> {
    const last = await this.#store.readLastEvent();
    const place = { after: this.#settled, known: [...this.#seen] };
    const { events, seqs } = await this.#store.readNewEvents(this.#door, { ...place, limit: eventsAtOnce });
    for (const seq of seqs) this.#seen.add(seq);
    this.#settle(seqs.length < eventsAtOnce ? last : (seqs.at(-1) ?? last));
    return events;
  }

  #settle(seq: number): void {
    const now = performance.now();
    this.#marks.push({ at: now, seq });
    const old = this.#marks.filter(({ at }) => at < now - lateMs).at(-1);
    if (old === undefined) return;
    this.#settled = Math.max(this.#settled, old.seq);
    this.#marks = this.#marks.filter(({ at }) => at >= now - lateMs);
    this.#seen = new Set([...this.#seen].filter((each) => each > this.#settled));
  }
}

/** One subscription: what it may see, until it is read. */
class Reader {
  readonly #reach: Reach;
  readonly #target = new EventTarget();
  #waiting: JobEvent[] = [];
  #isCut = false;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  take(events: readonly NewEvent[]): void {
    const reach = this.#reach;
    const visible = events.filter((event) => isWithin(event, reach));
    if (visible.length === 0) return;
    this.#isCut ||= this.#waiting.length + visible.length > mostWaiting;
    if (!this.#isCut) this.#waiting.push(...visible.map(toJobEvent));
    this.#target.dispatchEvent(new Event('news'));
  }

  async *read(signal: AbortSignal): AsyncGenerator<JobEvent> {
    while (!signal.aborted) {
      if (this.#isCut) throw new RefusedError('conflict', `More than ${mostWaiting} events wait to be read.`);
      const waiting = this.#waiting;
      this.#waiting = [];
      yield* waiting;
      if (this.#waiting.length === 0 && !this.#isCut)
        await once(this.#target, 'news', { signal }).catch(() => undefined);
    }
  }
}

function isWithin({ ownerKey, queue }: NewEvent, reach: Reach): boolean {
  return reach.everyone || reach.ownerKey === ownerKey || reach.queues?.includes(queue) === true;
}

function toJobEvent(event: NewEvent): JobEvent {
  const { jobId, kind, jobName, project, slot, exitCode, parentName, parentProject, progress } = event;
  return {
    jobId,
    kind,
    label: labelOf(jobName, project),
    parent: parentName === null ? undefined : labelOf(parentName, parentProject),
    slot: slot ?? undefined,
    exitCode: exitCode ?? undefined,
    progress,
  };
}

function labelOf(name: string | null, project: string | null): JobEvent['label'] {
  return { ...(name !== null && { name }), ...(project !== null && { project }) };
}
