import type { HeadDocument } from '../../src/job/audit/head.js';
import { RefusedError } from '../../src/job/errors.js';
import type { Reach } from '../../src/job/owner.js';
import type {
  FoundRead,
  JobDetail,
  NodeView,
  Operations,
  QueueDetail,
  QueueSettings,
  ReadChoice,
} from '../../src/queue/operations.js';
import { newJob } from './fake-queue.js';

/** The id of the only job; it belongs to `entity:e1`. */
export const knownJob = '68f3a1c25b7e4d0011aa22bb';

/** An open queue without jobs, changed as a test needs it. */
export function newQueue(changes: Partial<QueueDetail> = {}): QueueDetail {
  return {
    name: 'demo',
    state: 'open',
    holder: undefined,
    waiting: 0,
    oldestSince: undefined,
    pause: undefined,
    hold: undefined,
    maxWaiting: undefined,
    holdOnFailure: false,
    why: 'No job waits.',
    ...changes,
  };
}

/** A node that is alive and idle, changed as a test needs it. */
export function newNode(changes: Partial<NodeView> = {}): NodeView {
  return {
    id: 'node-1',
    engineId: 'engine-1',
    version: '1.0.0',
    slots: 4,
    active: 0,
    startedAt: new Date('2025-10-18T14:00:00Z'),
    seenAt: new Date('2025-10-18T14:18:42Z'),
    alive: true,
    draining: false,
    ...changes,
  };
}

/** Operations on one job, one node and any queue; they record what was requested. */
export class FakeOperations implements Operations {
  /** What was requested, with all arguments. */
  readonly asked: unknown[][] = [];
  /** Whose the job is; undefined: it is not there. */
  ownerKey: string | undefined = 'entity:e1';

  async queues(page: { after: string | undefined; limit: number }): Promise<readonly QueueDetail[]> {
    this.asked.push(['queues', page]);
    return [newQueue()];
  }

  queue(name: string): Promise<QueueDetail> {
    return this.#note('queue', name);
  }

  pause(name: string, wish: object): Promise<QueueDetail> {
    return this.#note('pause', name, wish);
  }

  resume(name: string, actor: string): Promise<QueueDetail> {
    return this.#note('resume', name, actor);
  }

  release(name: string, wish: object): Promise<QueueDetail> {
    return this.#note('release', name, wish);
  }

  configure(name: string, settings: QueueSettings, actor: string): Promise<QueueDetail> {
    return this.#note('configure', name, settings, actor);
  }

  async nodes(): Promise<readonly NodeView[]> {
    this.asked.push(['nodes']);
    return [newNode()];
  }

  async setDraining(node: string, draining: boolean, actor: string): Promise<readonly NodeView[]> {
    this.asked.push(['setDraining', node, draining, actor]);
    return [newNode({ draining })];
  }

  async job(id: string, reach: Reach): Promise<JobDetail> {
    this.asked.push(['job', id, reach]);
    const isSeen = reach.everyone || reach.ownerKey === this.ownerKey;
    if (id !== knownJob || this.ownerKey === undefined || !isSeen)
      throw new RefusedError('not_found', 'There is no such job.');
    return newDetail();
  }

  async finalise(id: string, wish: object): Promise<JobDetail> {
    this.asked.push(['finalise', id, wish]);
    if (this.ownerKey === undefined) throw new RefusedError('not_found', 'There is no such job.');
    return newDetail();
  }

  async secretReads(choice: ReadChoice): Promise<readonly FoundRead[]> {
    this.asked.push(['secretReads', choice]);
    const at = new Date('2025-10-18T14:18:42Z');
    return [{ seq: '9', version: '2', jobId: knownJob, at, actor: 'node:node-1', read: { keys: ['a'] } }];
  }

  async head(): Promise<HeadDocument> {
    this.asked.push(['head']);
    return {
      installation: 'a'.repeat(64),
      number: '7',
      head: 'b'.repeat(64),
      takenAt: '2025-10-18T14:18:42.000Z',
      key: 'stint-audit',
      keyVersion: 1,
      publicKey: 'cHVibGlj',
      signature: 'c2lnbmVk',
    };
  }

  async #note(what: keyof Operations, name: string, ...said: unknown[]): Promise<QueueDetail> {
    this.asked.push([what, name, ...said]);
    return newQueue({ name });
  }
}

function newDetail(): JobDetail {
  return {
    job: newJob({
      id: knownJob,
      state: 'stopping',
      node: 'node-1',
      containerId: '5f1c0d9e',
      imageId: 'sha256:1',
      imageDigest: `sha256:${'d'.repeat(64)}`,
      startedAt: new Date('2025-10-18T14:18:43Z'),
      killRequestedAt: new Date('2025-10-18T14:19:00Z'),
      killRequestedBy: 'entity:e1',
    }),
    fence: '17',
    output: { stdoutBytes: 5, stderrBytes: 4, complete: true, flaw: undefined },
    token: 'live',
    killProblem: 'The kill is not carried out.',
    wrapExpiresAt: new Date('2025-10-18T15:18:42Z'),
    events: [
      { at: new Date('2025-10-18T14:19:00Z'), kind: 'kill_requested', actor: 'entity:e1', detail: {} },
      {
        at: new Date('2025-10-18T14:19:01Z'),
        kind: 'stopping',
        actor: 'node:node-1',
        detail: { why: 'kill' },
      },
    ],
  };
}
