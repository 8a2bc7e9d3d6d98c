// Carries parents on: at once when something happened here, and by a sweep over those that are due.
import { BrokenError, FencedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { Door } from '../../job/job.js';
import type { DoorPlanner } from '../../job/parents/planner.js';
import { isActive } from '../../job/state.js';
import type { Store } from '../../store/store.js';
import { runPeriodically } from '../maintenance/periodic.js';
import { hasRoom, type RoomParts } from '../room.js';
import { decide } from './decide.js';
import { orLater } from './or-later.js';
import { type StepTakerParts, type Taken, takeStep } from './take-step.js';
import { type ReadParent, readParent, type ViewParts } from './view.js';

export interface ParentsParts extends ViewParts, StepTakerParts, RoomParts {
  readonly store: ViewParts['store'] &
    StepTakerParts['store'] &
    RoomParts['store'] &
    Pick<Store, 'listDueParents' | 'admitParents'>;
  readonly planners: ReadonlyMap<Door, DoorPlanner>;
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
    let known: ReadParent | undefined;
    for (let steps = 0; steps < mostSteps; steps++) {
      const parent: ReadParent | undefined = known ?? (await readParent(this.#parts, id, everyone));
      if (parent === undefined || !isActive(parent.job.state)) return;
      const taken = await this.#step(parent);
      if (taken === 'rests') return;
      known = taken === 'goes on' ? undefined : taken;
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

  async #step(parent: ReadParent): Promise<Exclude<Taken, 'ended'>> {
    const planner = this.#parts.planners.get(parent.job.door)?.planner;
    if (planner === undefined) return 'rests'; // A door of a newer version, whose nodes carry it on.
    try {
      const step = await decide(parent, planner, () => hasRoom(this.#parts, parent.view.owner.key));
      await failpoint('before-step');
      const taken = await takeStep(this.#parts, { parent, planner }, step);
      if (taken !== 'ended') return taken;
      await this.admit(parent.job.door);
      return 'rests';
    } catch (error) {
      if (error instanceof FencedError) return 'goes on'; // Something has happened: it is read again.
      if (isOutage(error)) throw error;
      return this.#delay(parent, error);
    }
  }

  async #delay({ key, view }: ReadParent, error: unknown): Promise<'rests'> {
    const { store, log } = this.#parts;
    log.error('a parent job could not be carried on; trying again', { jobId: key.id, error });
    await store.advanceParent({ ...key, progress: view.progress, noted: [] }, bugDelayMs);
    return 'rests';
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof BrokenError && error.retryable;
}
