import type { Job, JobRequest } from '../../src/job/job.js';
import type { Caller, Reach } from '../../src/job/owner.js';
import type { NewChild, ParentView, Planner } from '../../src/job/parents/planner.js';
import type { Revision } from '../../src/queue/parent-jobs.js';
import type { SubmittedJob } from '../../src/queue/queue.js';
import { FakeQueue } from './fake-queue.js';

const everyone = { everyone: true } as const;

/** A queue in memory that carries parents on as the real one does: after each change, until the planner waits. It runs nothing. */
export class FakeParents extends FakeQueue {
  /** For how long the planner waits; undefined: until something happens. */
  forMs: number | undefined;
  /** The kinds of all revisions. */
  readonly revisions: string[] = [];
  /** What all children were started with, in order. */
  readonly made: NewChild[] = [];
  now = new Date('2025-10-18T14:18:42.101Z');
  readonly #planner: Planner;

  constructor(planner: Planner) {
    super();
    this.#planner = planner;
  }

  override async submit(request: JobRequest, key?: string): Promise<SubmittedJob> {
    const job = await super.submit(request, key);
    if (request.parent !== undefined) await this.#carryOn(job.id);
    return job;
  }

  override async parent(id: string, reach: Reach): Promise<ParentView> {
    return { ...structuredClone(await super.parent(id, reach)), now: this.now };
  }

  override async revise(id: string, reach: Reach, revision: Revision): Promise<void> {
    await super.revise(id, reach, revision);
    this.revisions.push(revision.kind);
    await this.#carryOn(id);
  }

  override async unlist(id: string, reach: Reach, caller?: Caller): Promise<void> {
    await super.unlist(id, reach, caller);
    if (!this.job(id).isParent) return;
    for (const child of await this.children(id, everyone)) this.change(child.id, { state: 'canceled' });
  }

  /** A process ends by itself. */
  async end(childId: string, changes: Partial<Job> = {}): Promise<void> {
    const ended = { state: 'failed', exitCode: 1, finishedAt: this.now, ...changes } as const;
    this.change(childId, ended);
    const { parent = '', slot = 0 } = this.job(childId);
    const child = { ...this.job(childId), slot, killRequested: false };
    const view = await this.parent(parent, everyone);
    await this.#store(parent, this.#planner.note(view.progress, child, view));
    await this.#carryOn(parent);
  }

  /** The time passes that the planner waits for. */
  async pass(ms: number, id: string): Promise<void> {
    this.now = new Date(this.now.getTime() + ms);
    await this.#carryOn(id);
  }

  async #carryOn(id: string): Promise<void> {
    for (;;) {
      const step = await this.#planner.next(await this.parent(id, everyone));
      await this.#store(id, step.progress);
      if (step.do === 'start') this.#start(id, step.child);
      else if (step.do === 'kill')
        for (const child of step.children) this.change(child, { killRequestedAt: this.now });
      else {
        this.forMs = step.do === 'wait' ? step.forMs : undefined;
        return;
      }
    }
  }

  async #store(id: string, progress: unknown): Promise<void> {
    const change = () => ({ progress: structuredClone(progress) });
    await super.revise(id, everyone, { kind: '', actor: '', change });
  }

  #start(parent: string, child: NewChild): void {
    const { door, owner } = this.job(parent);
    const { label = {}, slot, fields } = child;
    const { image, options = {} } = fields;
    const facts = { door, owner, queue: null, label, image, options, submittedAt: this.now, parent, slot };
    this.add({ ...facts, ...(!child.listed && { unlistedAt: this.now }) });
    this.made.push(child);
  }
}
