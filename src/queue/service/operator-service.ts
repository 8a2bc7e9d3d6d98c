// Implements the operators' actions on queues, nodes and jobs over the store.
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import { isFinal } from '../../job/state.js';
import type { JobFacts } from '../../store/jobs/detail.js';
import type { QueueRow } from '../../store/queues/queues.js';
import type { Store } from '../../store/store.js';
import type {
  JobDetail,
  NodeView,
  Operations,
  OperatorRequest,
  QueueDetail,
  QueueView,
} from '../operations.js';
import { whyWaiting } from './why.js';

/** What the operators' actions need. */
export interface OperatorParts {
  readonly store: Store;
  /** A node without a heartbeat for longer is shown as not alive. */
  readonly leaseMs: number;
  /** How long a kill may take before an operator may finalise the job. */
  readonly killGraceMs: number;
  /** Why this node claims no jobs now; undefined when it claims them. */
  readonly blocker: () => string | undefined;
  /** A job may run now: wakes this node and the others. */
  readonly wake: () => void;
}

/** The operators' actions, over one database. */
export function createOperations(parts: OperatorParts): Operations {
  const { store } = parts;
  return {
    queues: async ({ after, limit }) =>
      (await store.readQueues({ after: after ?? null, limit })).map((row) => toView(row)),
    queue: (name) => readQueue(parts, name),
    pause: async (name, request) => {
      await store.pauseQueue(name, request);
      return readQueue(parts, name);
    },
    resume: (name, actor) => reopen(parts, name, () => store.resumeQueue(name, actor)),
    release: (name, request) => reopen(parts, name, () => store.releaseQueue(name, request)),
    configure: async (name, settings, actor) => {
      await store.configureQueue(name, settings, actor);
      return readQueue(parts, name);
    },
    nodes: () => readNodes(parts),
    setDraining: async (node, draining, actor) => {
      if (!(await store.setDraining(node, draining, actor))) throw missing('node');
      if (!draining) parts.wake();
      return readNodes(parts);
    },
    job: (id, reach) => readJob(parts, id, reach),
    finalise: (id, request) => finalise(parts, id, request),
    secretReads: (choice) => store.listReads(choice),
    head: async () => (await store.readLastHead()) ?? noHead(),
  };
}

async function readQueue(parts: OperatorParts, name: string): Promise<QueueDetail> {
  const [[row], nodes] = await Promise.all([parts.store.readQueues({ name }), readNodes(parts)]);
  if (row === undefined) throw missing('queue');
  const view = toView(row);
  return { ...view, why: whyWaiting(view, { nodes, blocker: parts.blocker() }) };
}

type Reopen = () => ReturnType<Store['resumeQueue']>;

async function reopen(parts: OperatorParts, name: string, move: Reopen): Promise<QueueDetail> {
  const { answer, nextReady } = await move();
  if (answer === 'missing') throw missing('queue');
  if (nextReady) parts.wake();
  return readQueue(parts, name);
}

/** A pause or a hold that is over is not shown. */
function toView(row: QueueRow): QueueView {
  const { held, pausedAt: at, pausedBy: by, pausedReason: reason } = row;
  return {
    name: row.name,
    state: held ? 'held' : at === null ? 'open' : 'paused',
    holder: toHolder(row),
    waiting: row.waiting,
    oldestSince: row.oldestSince ?? undefined,
    pause: at === null ? undefined : { at, by: by ?? '', reason: reason ?? '' },
    hold: held ? toHold(row) : undefined,
    maxWaiting: row.maxWaiting ?? undefined,
    holdOnFailure: row.holdOnFailure,
  };
}

function toHolder({ holderId, holderState, holderNode, holderMessage }: QueueRow): QueueView['holder'] {
  if (holderId === null || holderState === null) return undefined;
  return {
    id: holderId,
    state: holderState,
    node: holderNode ?? undefined,
    message: holderMessage ?? undefined,
  };
}

function toHold({ holdJob, holdReason, holdUntil }: QueueRow): QueueView['hold'] {
  return { job: holdJob ?? undefined, reason: holdReason ?? '', until: holdUntil ?? undefined };
}

async function readNodes({ store, leaseMs }: OperatorParts): Promise<NodeView[]> {
  const rows = await store.listNodes();
  return rows.map(({ silentMs, ...node }) => ({ ...node, alive: silentMs < leaseMs }));
}

async function readJob(parts: OperatorParts, id: string, reach: Reach): Promise<JobDetail> {
  const { store } = parts;
  const facts = await store.readJobFacts(id, reach);
  if (facts === undefined) throw missing('job');
  const events = await store.readEvents(id);
  const { job, stdoutBytes, stderrBytes, outputComplete: complete, outputFlaw: flaw } = facts;
  return {
    job,
    fence: facts.fence ?? undefined,
    output: { stdoutBytes, stderrBytes, complete, flaw: flaw ?? undefined },
    token: tokenOf(facts, events),
    wrapExpiresAt: facts.wrapExpiresAt ?? undefined,
    killProblem: killProblemOf(facts, killGraceOf(parts, job)),
    events,
  };
}

/** How long an engine may take to carry out a kill beyond the time that a job asked for. */
const killMarginMs = 2_000;

/** A job may have asked for a longer time before it is killed. */
function killGraceOf({ killGraceMs }: OperatorParts, { options: { stopGraceMs } }: Job): number {
  return stopGraceMs === undefined ? killGraceMs : Math.max(killGraceMs, stopGraceMs + killMarginMs);
}

/** A kill is done only when the container is seen to be gone; until then the problem is shown. */
function killProblemOf({ job, killAgeMs }: JobFacts, killGraceMs: number): string | undefined {
  if (killAgeMs === null || killAgeMs < killGraceMs || isFinal(job.state)) return undefined;
  return (
    `The kill was asked for ${Math.round(killAgeMs / 1000)} seconds ago and is not carried out: the engine of node ` +
    `${job.node ?? 'unknown'} does not confirm that the container is gone. An operator may finalise the job.`
  );
}

/** The accessor is stored from the login until Vault has confirmed the revocation. */
function tokenOf({ job, tokenAccessor }: JobFacts, events: JobDetail['events']): JobDetail['token'] {
  if (tokenAccessor !== null) return isFinal(job.state) ? 'pending' : 'live';
  return events.some(({ kind }) => kind === 'logged_in') ? 'revoked' : 'none';
}

const refusals = {
  missing: () => missing('job'),
  ended: () => conflict('Could not finalise the job: it has ended already.'),
  early: () =>
    conflict(
      'Could not finalise the job: kill it first, and wait for the stop grace so that the kill can be carried out.',
    ),
} as const;

async function finalise(parts: OperatorParts, id: string, request: OperatorRequest): Promise<JobDetail> {
  const facts = await parts.store.readJobFacts(id, { everyone: true });
  if (facts === undefined) throw missing('job');
  const { answer } = await parts.store.finaliseJob(id, request, killGraceOf(parts, facts.job));
  if (answer !== 'done') throw refusals[answer]();
  return readJob(parts, id, { everyone: true });
}

function conflict(message: string): RefusedError {
  return new RefusedError('conflict', message);
}

function noHead(): never {
  throw new RefusedError('not_found', 'No head of the history is signed yet, or STINT_AUDIT_KEY is not set.');
}

/** Used for a foreign job too: it must look like a missing one. */
function missing(what: 'job' | 'node' | 'queue'): RefusedError {
  return new RefusedError('not_found', `There is no such ${what}.`);
}
