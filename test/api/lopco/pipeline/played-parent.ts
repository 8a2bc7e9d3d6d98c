import type { LopcoOptions } from '../../../../src/api/lopco/options.js';
import type { Progress } from '../../../../src/api/lopco/pipeline/model.js';
import { createPlanner } from '../../../../src/api/lopco/pipeline/planner.js';
import { readResult } from '../../../../src/api/lopco/pipeline/result.js';
import { changeAwaited } from '../../../../src/api/lopco/pipeline/workers/awaited.js';
import type { SpecFields } from '../../../../src/job/job.js';
import type { Child, NewChild, ParentView, Step } from '../../../../src/job/parents/planner.js';
import type { RegistryDocument, RegistryKind } from '../../../../src/queue/registry.js';
import { FakeRegistry } from '../../../support/fake-registry.js';

export const options: LopcoOptions = {
  mostRunning: 2,
  parallel: 1,
  registries: {},
  callbackUrl: 'http://stint:3232',
  network: undefined,
  cacheVolume: 'lopco-data-cache',
  limits: {},
  cleanUpImage: undefined,
  callbackKey: new Uint8Array(32),
};

type Documents = Readonly<Record<string, RegistryDocument>>;

export interface Setting {
  readonly machines?: Documents;
  readonly pipelines?: Documents;
  readonly options?: Partial<LopcoOptions>;
}

const atFirst: Progress = { machineId: 'press-07', fileName: 'upload', done: [] };

/** Plays the core for one job: it asks the planner, stores what it says, and lets a test end the children. */
export class PlayedParent {
  readonly id = '0123456789abcdef01234567';
  /** Everything that was started, in order. */
  readonly started: NewChild[] = [];
  readonly killed: string[] = [];
  progress: Progress = atFirst;
  fields: SpecFields = {};
  sharesLogin = false;
  now = new Date('2025-10-18T15:00:00.000Z');
  #active: Child[] = [];
  readonly #planner;

  constructor({ machines = {}, pipelines = {}, options: changes }: Setting) {
    const documents: Record<RegistryKind, Documents> = { machine: machines, pipeline: pipelines };
    this.#planner = createPlanner({
      lopco: { ...options, ...changes },
      registry: Object.assign(new FakeRegistry(), {
        get: async (kind: RegistryKind, id: string) => documents[kind][id],
      }),
      access: 'owner',
    });
  }

  /** Asks until there is nothing to do but to wait, or the job has ended. */
  async settle(): Promise<Step> {
    for (;;) {
      const step = await this.#planner.next(this.#view());
      this.progress = asStored(step.progress);
      if (step.do === 'start') this.#start(step.child);
      else if (step.do === 'kill') this.#kill(step.children);
      else return step;
    }
  }

  /** Its children end, and the core asks what cleans up. */
  abort(): void {
    this.#active = [];
    const step = this.#planner.cleanUp?.next(this.#view());
    if (step === undefined) return;
    this.progress = asStored(step.progress);
    this.#start(step.child);
  }

  /** What cleans up runs, and nothing else is left to do. */
  get isCleanedUp(): boolean {
    const view = this.#view();
    const cleanUp = this.#planner.cleanUp;
    return view.active.every((child) => cleanUp?.is(child)) && cleanUp?.next(view) === undefined;
  }

  /** The environment of the newest worker. */
  get env(): Record<string, string> {
    const entries = this.started.at(-1)?.fields.env ?? [];
    return Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
  }

  /** Stores what a worker calls back with; without a number the newest. */
  callBack(value: unknown, number = this.started.length - 1): void {
    const read = readResult(value);
    const changed =
      'problem' in read
        ? undefined
        : changeAwaited(this.progress, this.started[number]?.label?.name, (worker) => ({
            ...worker,
            result: read.outputs,
          }));
    if (changed === undefined) throw new Error('Nobody waits for this.');
    this.progress = asStored(changed);
  }

  /** Ends a child; without a number the newest that is active. */
  end(changes: Partial<Child> = {}, number?: number): void {
    const child =
      number === undefined ? this.#active.at(-1) : this.#active.find(({ id }) => id === `${number + 1}`);
    if (child === undefined) throw new Error('No child is active.');
    this.#active = this.#active.filter((each) => each !== child);
    const ended: Child = { ...child, state: 'succeeded', exitCode: 0, finishedAt: this.now, ...changes };
    this.progress = asStored(this.#planner.note(this.progress, ended, this.#view()));
  }

  /** As if its owner had deleted it. */
  forget(): void {
    this.#active.pop();
  }

  later(ms: number): void {
    this.now = new Date(this.now.getTime() + ms);
  }

  #view(): ParentView {
    return {
      id: this.id,
      owner: { key: 'entity:e1', displayName: 'tester' },
      label: { name: '6U4sncrMsMCMJ6Wb-AvapQ', kind: 'pipeline' },
      submittedAt: this.now,
      fields: this.fields,
      plan: { sharesLogin: this.sharesLogin },
      progress: this.progress,
      active: this.#active,
      now: this.now,
    };
  }

  #start(started: NewChild): void {
    this.started.push(started);
    const { slot, label = {} } = started;
    const nothing = { reason: undefined, code: undefined, message: undefined, exitCode: undefined };
    const id = String(this.started.length);
    const times = { submittedAt: this.now, startedAt: this.now, finishedAt: undefined };
    this.#active.push({ id, slot, label, state: 'running', killRequested: false, ...nothing, ...times });
  }

  #kill(ids: readonly string[]): void {
    this.killed.push(...ids);
    this.#active = this.#active.map((child) => ({
      ...child,
      killRequested: child.killRequested || ids.includes(child.id),
    }));
  }
}

/** Only what JSON can hold comes back. */
function asStored(progress: unknown): Progress {
  return JSON.parse(JSON.stringify(progress)) as Progress;
}
