// Reads a parent with its children, and opens what was sealed of it.
import type { OpenedRequest } from '../../executor/run.js';
import { JobFailedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Child, ParentView } from '../../job/parents/planner.js';
import { isFinal } from '../../job/state.js';
import type { ParentKey, StepFacts } from '../../store/parents/step.js';
import type { Store } from '../../store/store.js';
import { columnsOf, findChange } from '../audit/columns.js';
import { notAuthentic, openRequest } from '../service/seal.js';

export interface ViewParts {
  readonly store: Pick<Store, 'readParent' | 'readOpenChildren'>;
  readonly sealKey: Buffer;
}

/** A parent at one moment: a step that names its key changes nothing if something has happened since. */
export interface ReadParent {
  readonly job: Job;
  readonly key: ParentKey;
  /** What was sealed: its fields are in the view. */
  readonly request: OpenedRequest;
  /** `progress` is as stored: the ended children are not in it. */
  readonly view: ParentView;
  /** Of the login that the children share. */
  readonly tokenAccessor: string | null;
  /** Children that have ended since the last step. */
  readonly ended: readonly Child[];
  /** Why what was sealed cannot be opened: neither fields nor plan are known then. */
  readonly failure: JobFailedError | undefined;
}

/**
 * Undefined for a missing job, for one out of reach, and for one that is no parent. An ended parent has neither fields nor
 * plan any more.
 */
export async function readParent(
  { store, sealKey }: ViewParts,
  id: string,
  reach: Reach,
): Promise<ReadParent | undefined> {
  const stored = await store.readParent(id, reach);
  if (stored === undefined) return undefined;
  const { job, revision, progress, sealed, tokenAccessor, now } = stored;
  const children = (await store.readOpenChildren(id)).map(toChild);
  const opened = isFinal(job.state) ? nothing : await open(sealKey, job, sealed);
  const failure = opened instanceof JobFailedError ? opened : undefined;
  const request = opened instanceof JobFailedError ? nothing : opened;
  const { id: ownId, owner, label, submittedAt } = job;
  const active = children.filter(({ state }) => !isFinal(state));
  const view = { id: ownId, owner, label, submittedAt, plan: request.plan, progress, active, now };
  return {
    job,
    key: { id, revision },
    request,
    view: { ...view, fields: request.fields },
    tokenAccessor,
    ended: children.filter(({ state }) => isFinal(state)),
    failure,
  };
}

/**
 * A parent after a step that started a child, as it would be read now if nothing else has happened since. If something has, its
 * revision is another one, and the next step comes too late. So many children are started without reading all that are there.
 */
export function withChild(parent: ReadParent, step: StepFacts, child: Job): ReadParent {
  const { key, view } = parent;
  const progress: unknown = JSON.parse(JSON.stringify(step.progress));
  return {
    ...parent,
    key: { id: key.id, revision: String(BigInt(key.revision) + 1n) },
    view: { ...view, progress, active: [...view.active, toChild(child)], now: child.submittedAt },
    ended: [],
  };
}

async function open(
  sealKey: Buffer,
  job: Job,
  sealed: Uint8Array | null,
): Promise<OpenedRequest | JobFailedError> {
  try {
    const request = await openRequest(sealKey, { ...job, ownerKey: job.owner.key }, sealed);
    return findChange(request.columns, columnsOf(job), job.image) === undefined ? request : notAuthentic();
  } catch (error) {
    if (error instanceof JobFailedError) return error;
    throw error;
  }
}

const nothing: OpenedRequest = { wrappedSecretId: undefined, ciphertext: undefined, fields: {} };

function toChild(job: Job): Child {
  const { id, label, state, reason, code, message, exitCode, submittedAt, startedAt, finishedAt } = job;
  const killRequested = job.killRequestedAt !== undefined && !isFinal(state);
  const facts = { id, label, state, reason, code, message, exitCode, submittedAt, startedAt, finishedAt };
  return { ...facts, slot: job.slot ?? 0, killRequested };
}
