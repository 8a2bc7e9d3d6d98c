import { randomBytes } from 'node:crypto';
import type { ExecutorParts } from '../../src/executor/run.js';
import type { Secrets } from '../../src/executor/secrets.js';
import type { Door, Job, JobRequest, SpecFields } from '../../src/job/job.js';
import { strictPolicy } from '../../src/job/options/policy.js';
import type { DoorPlanner } from '../../src/job/parents/planner.js';
import { Parents, type ParentsParts } from '../../src/queue/parents/parents.js';
import type { Queue } from '../../src/queue/queue.js';
import type { WaitingLimits } from '../../src/queue/room.js';
import { createQueue } from '../../src/queue/service/queue-service.js';
import { createStreams } from '../../src/queue/streams/stream-service.js';
import type { Streams } from '../../src/queue/streams.js';
import { Worker, type WorkerParts } from '../../src/queue/worker/worker.js';
import type { Store } from '../../src/store/store.js';
import { FakeBackend } from './fake-backend.js';
import { FakeSecrets } from './fake-secrets.js';
import { owner } from './stored-jobs.js';

export const everyone = { everyone: true } as const;
export const caller = { entityId: 'ann', accessor: 'a', displayName: 'Ann', policies: [] };

/** A node over a real database, without Vault and engine. Disposing stops its jobs and waits for them. */
export interface TestNode extends AsyncDisposable {
  readonly secrets: FakeSecrets;
  readonly backend: FakeBackend;
  readonly worker: Worker;
  readonly queue: Queue;
  readonly streams: Streams;
  /** Carried on by hand, unless a test starts its sweep. */
  readonly parents: Parents;
  readonly sealKey: Buffer;
  /** What the worker logged, as `message {facts}`. */
  readonly logged: string[];
  submit(queue?: string | null, request?: Partial<JobRequest>): Promise<Job>;
  stateOf(job: Pick<Job, 'id'>): Promise<string>;
}

export interface TestNodeChanges extends Partial<WorkerParts> {
  readonly secrets?: FakeSecrets;
  /** A Vault in the place of the fake. */
  readonly vault?: Secrets;
  readonly backend?: FakeBackend;
  readonly planners?: ReadonlyMap<Door, DoorPlanner>;
  /** Where what is sent to inputs is told; its own worker by default. */
  readonly ringInput?: (jobId: string) => void;
  readonly waitingLimits?: WaitingLimits;
}

/** Its worker is not started yet: `node.worker.start()`. Nodes that share a Vault, or an engine, share its fake. */
export function openTestNode(
  store: Store,
  {
    secrets = new FakeSecrets(),
    vault = secrets,
    backend = new FakeBackend(),
    planners = new Map(),
    ringInput,
    waitingLimits,
    ...changes
  }: TestNodeChanges = {},
): TestNode {
  const logged: string[] = [];
  const note = (message: string, facts: object) => void logged.push(`${message} ${JSON.stringify(facts)}`);
  const { sealKey = randomBytes(32) } = changes;
  const worker = new Worker({
    store,
    executor: executorParts(vault, backend),
    sealKey,
    node: 'node-1',
    describe: () => ({ version: 'test', engineId: undefined }),
    slots: 4,
    leaseMs: 30_000,
    holdLimitMs: 60_000,
    notifyReady: () => undefined,
    log: { info: note, error: note },
    onChildChanged: (parent) => parents.carryOnSoon(parent),
    ...changes,
  });
  const forwardKill = (jobId: string) => worker.kill(jobId);
  const wake = () => worker.wake();
  const log = { info: note, error: note };
  const node = changes.node ?? 'node-1';
  const revoke = revoker(secrets);
  const shared = { store, sealKey, waitingLimits, wake, forwardKill };
  const parents: Parents = new Parents({ ...shared, planners, node, revoke, log, alarms: changes.alarms });
  const limits = { keyTtlMs: 60_000, queueLimit: 0, wrapMinimumMs: 0 };
  const queue = createQueue({ ...shared, ...limits, parents, secrets: vault, backend });
  return {
    parents,
    secrets,
    backend,
    worker,
    queue,
    streams: createStreams({ store, sealKey, ringInput: ringInput ?? ((id) => worker.ringInput(id)) }),
    sealKey,
    logged,
    submit: (name = 'q', request = {}) => queue.submit({ ...newRequest(secrets), queue: name, ...request }),
    stateOf: async ({ id }) => (await queue.get(id, everyone)).state,
    [Symbol.asyncDispose]: async () => {
      await parents[Symbol.asyncDispose]();
      await worker.drain(0);
    },
  };
}

function revoker(secrets: FakeSecrets): ParentsParts['revoke'] {
  return async (login, onRevoked) => secrets.adopt(login, { onRevoked })[Symbol.asyncDispose]();
}

function newRequest(secrets: FakeSecrets): JobRequest {
  return {
    door: 'gostint',
    queue: 'q',
    owner,
    wrappedSecretId: secrets.addWrap(),
    payload: { kind: 'none' },
    fields: { image: 'busybox', command: ['true'] },
  };
}

function executorParts(secrets: Secrets, backend: FakeBackend): ExecutorParts {
  return {
    secrets,
    backend,
    parsePayload: async (json) => JSON.parse(json as string) as SpecFields,
    options: {
      stopGraceMs: 50,
      maxRunTimeMs: 60_000,
      outputLimitBytes: 1_000_000,
      maskOutput: true,
      imageSecretRefs: true,
      revokesPrinted: false,
      policyFor: () => strictPolicy,
      env: [],
      tokenInEnv: false,
    },
    onBug: (error) => {
      throw error;
    },
  };
}
