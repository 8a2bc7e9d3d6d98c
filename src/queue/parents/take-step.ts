// Takes one step of a parent: stores it, and tells whom it concerns.
import type { OpenedRequest } from '../../executor/run.js';
import type { AdoptedIdentity } from '../../executor/secrets.js';
import { newJobId } from '../../job/id.js';
import type { Job } from '../../job/job.js';
import type { Verdict } from '../../job/outcome.js';
import type { NewChild, Planner, Step } from '../../job/parents/planner.js';
import type { StepFacts } from '../../store/parents/step.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../maintenance/alarms.js';
import { type StoreParts, storeJob } from '../service/store-job.js';
import type { WorkerLog } from '../worker/worker-log.js';
import { neverBegun, refusalOf } from './unstorable.js';
import { type ReadParent, withChild } from './view.js';

export interface StepTakerParts extends StoreParts {
  readonly store: StoreParts['store'] &
    Pick<Store, 'advanceParent' | 'endParent' | 'requestKill' | 'markTokenRevoked'>;
  readonly node: string;
  /** A job may run now: wakes this node and the others. */
  readonly wake: () => void;
  /** A kill was recorded: tells this node and the others. */
  readonly forwardKill: (jobId: string) => void;
  /** Revokes the login that the children of an ended parent shared; never throws. */
  readonly revoke: (login: AdoptedIdentity, onRevoked: () => Promise<void>) => Promise<void>;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
  readonly log: WorkerLog;
}

/** A parent as it was read, and who has decided its step. */
export interface Decided {
  readonly parent: ReadParent;
  readonly planner: Planner;
}

/**
 * `goes on`: it is to be read again, also when the step came too late. `rests`: there is nothing to do now. After the start of a
 * child: the parent as it is now.
 */
export type Taken = 'goes on' | 'rests' | 'ended' | ReadParent;

const everyone = { everyone: true } as const;

/** Throws `FencedError` when the start of a child came too late. */
export async function takeStep(parts: StepTakerParts, decided: Decided, step: Step): Promise<Taken> {
  const { parent } = decided;
  const facts = { ...parent.key, progress: step.progress, noted: parent.ended.map(({ id }) => id) };
  switch (step.do) {
    case 'start':
      return await startChild(parts, decided, step.child, facts);
    case 'kill':
      await killChildren(parts, parent, step.children);
      await parts.store.advanceParent(facts, 0);
      return 'goes on';
    case 'wait':
      return (await parts.store.advanceParent(facts, step.forMs ?? null)) ? 'rests' : 'goes on';
    case 'end':
      if (!(await parts.store.endParent(facts, step.verdict))) return 'goes on';
      tellEnd(parts, parent, step.verdict);
      await revokeLogin(parts, parent);
      return 'ended';
  }
}

/** A child that cannot be stored, whenever it is tried again, is noted like one that failed: the planner has its rule for that. */
async function startChild(
  parts: StepTakerParts,
  { parent, planner }: Decided,
  child: NewChild,
  step: StepFacts,
): Promise<Taken> {
  try {
    return withChild(parent, step, await storeChild(parts, parent, child, step));
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    const facts = { jobId: parent.key.id, slot: child.slot, code: refusal.code, error };
    parts.log.error('a child of a parent job could not be stored: it counts as failed', facts);
    const progress = planner.note(step.progress, neverBegun(child, refusal, parent.view.now), parent.view);
    await parts.store.advanceParent({ ...step, progress }, 0);
    return 'goes on';
  }
}

async function storeChild(
  parts: StepTakerParts,
  { job, request: of }: ReadParent,
  child: NewChild,
  step: StepFacts,
): Promise<Job> {
  const { slot, queue, fields, label, listed, unlistAfterMs } = child;
  const { door, owner } = job;
  const login = child.sharesLogin === false ? { wrappedSecretId: undefined } : loginOf(of);
  const request = { ...login, ciphertext: undefined, fields };
  const { options, image } = fields;
  const facts = { id: newJobId(), door, owner, queue, label, unlistAfterMs, options, image };
  const { ready, job: stored } = await storeJob(parts, { ...facts, child: { slot, listed, step } }, request);
  if (ready) parts.wake();
  return stored;
}

/** The first child makes the login, the others share it. */
function loginOf({
  wrappedSecretId,
  wrap,
  kept,
}: OpenedRequest): Omit<OpenedRequest, 'ciphertext' | 'fields'> {
  if (kept !== undefined) return { wrappedSecretId: undefined, kept };
  return wrappedSecretId === undefined ? { wrappedSecretId } : { wrappedSecretId, wrap, sharesLogin: true };
}

/** Asked of the children first: when this process ends in between, the parent is due again. */
async function killChildren(
  { store, forwardKill, wake }: StepTakerParts,
  { job, view }: ReadParent,
  children: readonly string[],
): Promise<void> {
  const actor = job.killRequestedBy ?? view.owner.key;
  for (const id of children) {
    const asked = await store.requestKill(id, { reach: everyone, actor });
    forwardKill(id);
    if (asked?.nextReady) wake();
  }
}

function tellEnd({ log, alarms }: StepTakerParts, { key }: ReadParent, verdict: Verdict): void {
  const { state, code, message = '', alarm } = verdict;
  log.info('parent job recorded', { jobId: key.id, state, code });
  if (alarm) alarms?.raise({ jobId: key.id, code: code ?? '', message });
}

/** What is not revoked now is found by the clean-up of tokens. */
async function revokeLogin(
  { store, node, revoke }: StepTakerParts,
  { key: { id }, request: { kept }, tokenAccessor: accessor }: ReadParent,
): Promise<void> {
  if (kept === undefined || accessor === null) return;
  await revoke({ token: kept.token, accessor }, () => store.markTokenRevoked(id, `node:${node}`));
}
