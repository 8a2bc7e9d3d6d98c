// Carries parents on: at once when something happened here, and by a sweep over those that are due.
import type { OpenedRequest } from '../../executor/run.js';
import type { AdoptedIdentity } from '../../executor/secrets.js';
import { BrokenError, FencedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import { newJobId } from '../../job/id.js';
import type { Door } from '../../job/job.js';
import type { DoorPlanner, NewChild, Step } from '../../job/parents/planner.js';
import { isActive } from '../../job/state.js';
import type { StepFacts } from '../../store/parents/step.js';
import type { Store } from '../../store/store.js';
import { runPeriodically } from '../maintenance/periodic.js';
import { type StoreParts, storeJob } from '../service/store-job.js';
import type { WorkerLog } from '../worker/worker-log.js';
import { decide } from './decide.js';
import { orLater } from './or-later.js';
import { type ReadParent, readParent, type ViewParts } from './view.js';

export interface ParentsParts extends ViewParts, StoreParts {
  readonly store: ViewParts['store'] &
    StoreParts['store'] &
    Pick<Store, 'listDueParents' | 'admitParents' | 'advanceParent' | 'endParent'> &
    Pick<Store, 'requestKill' | 'markTokenRevoked'>;
  readonly planners: ReadonlyMap<Door, DoorPlanner>;
  readonly node: string;
  /** A job may run now: wakes this node and the others. */
  readonly wake: () => void;
  /** A kill was recorded: tells this node and the others. */
  readonly forwardKill: (jobId: string) => void;
  /** Revokes the login that the children of an ended parent shared; never throws. */
  readonly revoke: (login: AdoptedIdentity, onRevoked: () => Promise<void>) => Promise<void>;
  readonly log: WorkerLog;
}

/** A child that ended on another node, or a time that is over, is noticed within a second. */
const intervalMs = 900;
const dueAtOnce = 100;
/** The others have their turn after so many steps of one parent. */
const mostSteps = 50;
/** When a planner met an error of its own, it is asked again after this time. */
const bugDelayMs = 10_000;
const everyone = { everyone: true } as const;

/** Carries this node's share of the parents on: every node does the same, and of two at once one comes too late. */
export class Parents implements AsyncDisposable {
  readonly #parts: ParentsParts;
  readonly #soon = new Set<Promise<void>>();
  #sweep: AsyncDisposable | undefined;

  constructor(parts: ParentsParts) {
    this.#parts = parts;
  }

  /** Begins to carry on what is due, also what other nodes left. */
  start(): void {
    const { log } = this.#parts;
    const onError = (error: unknown) => {
      if (!isOutage(error)) log.error('the sweep of parent jobs failed; trying again', { error });
    };
    this.#sweep = runPeriodically({ firstMs: 0, intervalMs, round: () => this.#round(), onError });
  }

  /** Lets parents of this door begin that wait for it. */
  async admit(door: Door): Promise<void> {
    const { planners, store, node } = this.#parts;
    const most = planners.get(door)?.mostRunning;
    for (const { id } of await store.admitParents(door, most, `node:${node}`)) await this.#carryOnNext(id);
  }

  /** Takes the steps of one parent that can be taken now. Throws only when Postgres is unavailable. */
  async carryOn(id: string): Promise<void> {
    for (let steps = 0; steps < mostSteps; steps++) {
      const parent = await readParent(this.#parts, id, everyone);
      if (parent === undefined || !isActive(parent.job.state)) return;
      if ((await this.#step(parent)) === 'rests') return;
    }
  }

  /** For a caller that does not wait: what cannot be done now is done by the sweep. */
  carryOnSoon(id: string): void {
    const done = orLater(() => this.#carryOnNext(id)).finally(() => this.#soon.delete(done));
    this.#soon.add(done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sweep?.[Symbol.asyncDispose]();
    await Promise.all(this.#soon);
  }

  async #round(): Promise<void> {
    const { planners, store } = this.#parts;
    for (const door of planners.keys()) await this.admit(door);
    const due = await store.listDueParents([...planners.keys()], dueAtOnce);
    for (const { id } of due) await this.#carryOnNext(id);
  }

  /** One parent of many: an error of its own is logged and does not keep the others waiting. */
  async #carryOnNext(id: string): Promise<void> {
    try {
      await this.carryOn(id);
    } catch (error) {
      if (isOutage(error)) throw error;
      this.#parts.log.error('a parent job could not be carried on', { jobId: id, error });
    }
  }

  async #step(parent: ReadParent): Promise<'rests' | 'goes on'> {
    const planner = this.#parts.planners.get(parent.job.door)?.planner;
    if (planner === undefined) return 'rests'; // A door of a newer version, whose nodes carry it on.
    try {
      const step = await decide(parent, planner);
      await failpoint('before-step');
      return await this.#take(parent, step);
    } catch (error) {
      if (error instanceof FencedError) return 'goes on'; // Something has happened: it is read again.
      if (isOutage(error)) throw error;
      return this.#delay(parent, error);
    }
  }

  async #take(parent: ReadParent, step: Step): Promise<'rests' | 'goes on'> {
    const { store, log } = this.#parts;
    const facts = { ...parent.key, progress: step.progress, noted: parent.ended.map(({ id }) => id) };
    switch (step.do) {
      case 'start':
        await this.#startChild(parent, step.child, facts);
        return 'goes on';
      case 'kill':
        await this.#kill(parent, step.children);
        await store.advanceParent(facts, 0);
        return 'goes on';
      case 'wait':
        return (await store.advanceParent(facts, step.forMs ?? null)) ? 'rests' : 'goes on';
      case 'end':
        if (!(await store.endParent(facts, step.verdict))) return 'goes on';
        log.info('parent job recorded', {
          jobId: parent.key.id,
          state: step.verdict.state,
          code: step.verdict.code,
        });
        await this.#revoke(parent);
        await this.admit(parent.job.door);
        return 'rests';
    }
  }

  /** What is not revoked now is found by the clean-up of tokens. */
  async #revoke({ key: { id }, request: { kept }, tokenAccessor: accessor }: ReadParent): Promise<void> {
    const { store, node, revoke } = this.#parts;
    if (kept === undefined || accessor === null) return;
    await revoke({ token: kept.token, accessor }, () => store.markTokenRevoked(id, `node:${node}`));
  }

  async #startChild({ job, request: of }: ReadParent, child: NewChild, step: StepFacts): Promise<void> {
    const { slot, queue, fields, label, listed, unlistAfterMs } = child;
    const { door, owner } = job;
    const request = { ...loginOf(of), ciphertext: undefined, fields };
    const { options, image } = fields;
    const facts = { id: newJobId(), door, owner, queue, label, unlistAfterMs, options, image };
    const { ready } = await storeJob(this.#parts, { ...facts, child: { slot, listed, step } }, request);
    if (ready) this.#parts.wake();
  }

  /** Asked of the children first: when this process ends in between, the parent is due again. */
  async #kill({ job, view }: ReadParent, children: readonly string[]): Promise<void> {
    const { store, forwardKill, wake } = this.#parts;
    const actor = job.killRequestedBy ?? view.owner.key;
    for (const id of children) {
      const asked = await store.requestKill(id, { reach: everyone, actor });
      forwardKill(id);
      if (asked?.nextReady) wake();
    }
  }

  async #delay({ key, view }: ReadParent, error: unknown): Promise<'rests'> {
    const { store, log } = this.#parts;
    log.error('a parent job could not be carried on; trying again', { jobId: key.id, error });
    await store.advanceParent({ ...key, progress: view.progress, noted: [] }, bugDelayMs);
    return 'rests';
  }
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

function isOutage(error: unknown): boolean {
  return error instanceof BrokenError && error.retryable;
}
