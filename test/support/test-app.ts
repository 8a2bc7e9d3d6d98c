import type { Hono } from 'hono';
import { createApp } from '../../src/api/app.js';
import { defaultFlapping } from '../../src/api/gaffer/supervision/brake.js';
import { CallerTurns } from '../../src/api/http/caller-turns.js';
import { LongAnswers } from '../../src/api/http/long-answers.js';
import type { AppParts } from '../../src/api/parts.js';
import type { ApiEnv } from '../../src/api/request/env.js';
import { RefusedError } from '../../src/job/errors.js';
import { doors } from '../../src/job/job.js';
import { strictPolicy } from '../../src/job/options/policy.js';
import type { Caller } from '../../src/job/owner.js';
import { MemoryBudget } from '../../src/job/payload/memory-budget.js';
import type { Processes } from '../../src/queue/processes.js';
import type { Whereabouts } from '../../src/queue/rights/whereabouts.js';
import type { Streams } from '../../src/queue/streams.js';
import { FakeOperations, knownJob } from './fake-operations.js';
import { FakeQueue } from './fake-queue.js';
import { FakeRegistry, fakeHistory } from './fake-registry.js';

/** A line that the app logged. */
export interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

type Body = NonNullable<RequestInit['body']>;

export interface TestApp {
  readonly app: Hono<ApiEnv>;
  readonly queue: FakeQueue;
  readonly operations: FakeOperations;
  readonly registry: FakeRegistry;
  readonly log: LoggedLine[];
  /** The tokens that Vault was asked to check. */
  readonly identified: string[];
  /** The paths that Vault was asked for, request by request. */
  readonly asked: (readonly string[])[];
  /** Sends a request with the token of caller e1. */
  readonly send: (method: string, path: string, body?: Body) => Promise<Response>;
}

const callers: Readonly<Record<string, Caller>> = {
  's.token1': { entityId: 'e1', accessor: 'a1', displayName: 'first', policies: ['default'] },
  's.operator': { entityId: 'op', accessor: 'a3', displayName: 'operator', policies: ['default', 'ops'] },
  's.auditor': { entityId: 'au', accessor: 'a4', displayName: 'auditor', policies: ['default', 'audit'] },
  's.lead': { entityId: 'le', accessor: 'a5', displayName: 'lead', policies: ['default', 'lead'] },
  's.right': {
    entityId: 'ri',
    accessor: 'a6',
    displayName: 'operator by right',
    policies: ['default', 'run'],
  },
  's.foreign': { entityId: 'e9', accessor: 'a9', displayName: 'other', policies: ['default'] },
  's.token2': { entityId: 'e2', accessor: 'a2', displayName: 'second', policies: ['default'] },
};

export const engine = {
  containers: 5,
  containersRunning: 2,
  containersPaused: 1,
  containersStopped: 2,
  images: 7,
  memTotalBytes: 2 ** 34,
  architecture: 'x86_64',
  operatingSystem: 'Debian',
};

async function* nothing(): AsyncGenerator<never> {}

/** Streams of programs that say nothing. */
function silentStreams(queue: FakeQueue): Streams {
  return {
    write: async (id, reach) => void queue.check(id, reach),
    follow: nothing,
    position: async (id, reach) => Number(queue.check(id, reach) === undefined),
    events: async () => nothing(),
  };
}

function idleProcesses(queue: FakeQueue): Processes {
  return {
    signal: async (id, reach) => void queue.check(id, reach),
    usage: async (id, reach) => void queue.check(id, reach),
  };
}

/** What policies in Vault grant, by token and path. */
const grants: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  's.auditor': {
    'stint/operator/jobs': ['read', 'list'],
    'stint/operator/queues': ['read'],
    'stint/operator/nodes': ['read'],
    'stint/operator/reaper': ['read'],
    'stint/operator/audit': ['read'],
  },
  's.right': {
    'stint/operator/jobs': ['read', 'list', 'update', 'delete'],
    'stint/operator/queues': ['read', 'update'],
    'stint/operator/nodes': ['read', 'update'],
    'stint/operator/reaper': ['read', 'update'],
    'stint/operator/audit': ['read'],
  },
  's.lead': {
    'stint/queues': ['list'],
    'stint/queues/demo/jobs': ['create', 'read', 'update', 'delete', 'list'],
    'stint/no-queue/jobs': ['create', 'read', 'update', 'delete', 'list'],
  },
};

export const doorSettings: Pick<AppParts, 'jobproxy' | 'lopco'> = {
  jobproxy: {
    image: 'busybox:latest',
    pullPolicy: 'Always',
    memoryUnitBytes: 1024 ** 2,
    queue: null,
    outputRoot: undefined,
  },
  lopco: {
    mostRunning: 2,
    parallel: 1,
    registries: {},
    callbackUrl: 'http://stint:3232',
    network: undefined,
    cacheVolume: 'lopco-data-cache',
    limits: {},
    cleanUpImage: undefined,
    callbackKey: new Uint8Array(32),
  },
};

/** Of the queue's jobs, and of the one that the operations know. */
function whereaboutsOf({ whereabouts }: FakeQueue, operations: FakeOperations): Whereabouts {
  return {
    ...whereabouts,
    queueOf: async (id) => {
      const found = await whereabouts.queueOf(id);
      const isKnown = found === undefined && id === knownJob && operations.ownerKey !== undefined;
      return isKnown ? 'demo' : found;
    },
  };
}

/** The app over a fake queue and a Vault that knows a few tokens and what they may do. */
export function createTestApp(changes: Partial<AppParts> = {}): TestApp {
  const queue = changes.queue instanceof FakeQueue ? changes.queue : new FakeQueue();
  const operations = new FakeOperations();
  const registry = new FakeRegistry();
  const log: LoggedLine[] = [];
  const identified: string[] = [];
  const asked: (readonly string[])[] = [];
  const app = createApp({
    queue,
    operations,
    registry,
    history: fakeHistory(queue),
    reaper: { dryRun: async () => [], run: async () => [] },
    identify: async (token) => {
      identified.push(token);
      const caller = callers[token];
      if (caller === undefined)
        throw new RefusedError('token_refused', 'token rejected by Vault (Code: 403)');
      return caller;
    },
    capabilities: async (token, paths) => {
      asked.push(paths);
      return new Map(paths.map((path) => [path, new Set(grants[token]?.[path] ?? ['deny'])]));
    },
    rightsPath: 'stint',
    submitNeedsRight: false,
    whereabouts: whereaboutsOf(queue, operations),
    doors,
    serviceToken: undefined,
    policyFor: () => ({ ...strictPolicy, mostStopGraceMs: 60_000 }),
    access: 'owner',
    ...doorSettings,
    operatorPolicies: ['ops'],
    bodyLimitBytes: 1024 * 1024,
    memory: new MemoryBudget(64 * 1024 * 1024),
    runai: { projects: undefined, serialProjects: false },
    gaffer: { image: 'busybox:latest', flapping: defaultFlapping, origins: [] },
    longAnswers: new LongAnswers({ perCaller: 4, inAll: 32 }),
    callerTurns: new CallerTurns({ inWork: 8, waiting: 200 }),
    processes: idleProcesses(queue),
    streams: silentStreams(queue),
    drawPid: async () => 0,
    vault: { address: 'http://vault.internal:8200', externalAddress: 'https://vault.example.org' },
    engineState: async () => engine,
    dependencies: [],
    isDraining: () => false,
    isShuttingDown: () => false,
    blockers: () => [],
    alarms: () => new Map(),
    removedJobs: () => 0,
    log: logInto(log),
    ...changes,
  });
  return { app, queue, operations, registry, log, identified, asked, send: sendTo(app) };
}

function sendTo(app: Hono<ApiEnv>): TestApp['send'] {
  return async (method, path, body) =>
    app.request(path, {
      method,
      headers: { 'x-auth-token': 's.token1' },
      ...(body !== undefined && { body }),
    });
}

function logInto(lines: LoggedLine[]): AppParts['log'] {
  const at =
    (level: LoggedLine['level']) =>
    (message: string, facts = {}) => {
      lines.push({ level, message, facts });
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
