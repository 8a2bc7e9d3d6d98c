// Implements `Streams` over the database: whichever node a client asks, it reaches the program.
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Store } from '../../store/store.js';
import type { FollowedOutput, Following, InTurn, Streams } from '../streams.js';
import { EventFeed } from './event-feed.js';
import { followChunks } from './follow.js';
import { sendInput } from './input.js';
import { patiently } from './patience.js';
import { Watches } from './watches.js';

export interface StreamServiceParts {
  readonly store: Pick<
    Store,
    | 'findJob'
    | 'addInput'
    | 'readWatched'
    | 'readChunks'
    | 'readNextChunk'
    | 'readNewEvents'
    | 'readLastEvent'
  >;
  readonly sealKey: Buffer;
  /** Tells this node and the others that something waits for the input of a job. */
  readonly ringInput: (jobId: string) => void;
}

export function createStreams(parts: StreamServiceParts): Streams {
  const watches = new Watches(parts.store);
  const feed = new EventFeed(parts.store);
  return {
    write: async (id, reach, bytes, pipe) => {
      const job = await find(parts, id, reach);
      if (bytes.length === 0) return;
      await sendInput(parts, job, { bytes, pipe });
      parts.ringInput(id);
    },
    follow: (id, reach, how) => follow(parts, watches, { id, reach, how }),
    position: async (id, reach, pipe = '') => {
      await find(parts, id, reach);
      return await parts.store.readNextChunk({ id, pipe });
    },
    events: (door, reach, signal) => feed.subscribe({ door, reach, signal }),
  };
}

async function* follow(
  parts: StreamServiceParts,
  watches: Watches,
  { id, reach, how }: { id: string; reach: Reach; how: Following },
): AsyncGenerator<FollowedOutput> {
  const { signal, from = 0, pipe = '', inTurn = atOnce } = how;
  await patiently(signal, () => find(parts, id, reach));
  const read = async (seq: number, limit: number) =>
    signal.aborted
      ? []
      : await patiently(signal, () => inTurn(() => parts.store.readChunks({ id, pipe, seq }, limit)));
  const news = (seq: number) => watches.news({ id, pipe, seq }, signal);
  yield* followChunks({ read, news, splits: pipe !== '' }, from);
}

const atOnce: InTurn = (work) => work();

async function find({ store }: Pick<StreamServiceParts, 'store'>, id: string, reach: Reach): Promise<Job> {
  const found = await store.findJob(id, reach);
  if (found !== undefined) return found.job;
  throw new RefusedError('not_found', 'not found');
}
