import type { StopReason } from '../../job/outcome.js';
import type { ClaimKey, LeaseRow } from '../../store/jobs/claim.js';
import type { ActiveJob } from './active-job.js';

interface Active {
  readonly held: ActiveJob;
  readonly done: Promise<void>;
}

/** The jobs that a node works on now, by their ids. */
export class ActiveJobs {
  readonly #jobs = new Map<string, Active>();

  get size(): number {
    return this.#jobs.size;
  }

  /** `work` never throws. The job is active until its work is done. */
  add(held: ActiveJob, work: Promise<void>): Promise<void> {
    const { id } = held.claim;
    const done = work.finally(() => {
      held[Symbol.dispose]();
      if (this.#jobs.get(id)?.held === held) this.#jobs.delete(id);
    });
    this.#jobs.set(id, { held, done });
    return done;
  }

  held(): ActiveJob[] {
    return [...this.#jobs.values()].map((active) => active.held);
  }

  claims(): ClaimKey[] {
    return this.held().map((held) => held.claim);
  }

  /** False: it is not here. */
  kill(jobId: string): boolean {
    const active = this.#jobs.get(jobId);
    active?.held.stop.request('kill');
    return active !== undefined;
  }

  stopAll(reason: StopReason): void {
    for (const held of this.held()) held.stop.request(reason);
  }

  async allDone(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map((active) => active.done));
  }

  /** Gives back what has not begun, and waits until the others run or are done. */
  async detach(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const { held } of jobs) held.detach();
    await Promise.all(jobs.map(({ held, done }) => Promise.race([held.started, done])));
  }

  /** What a renewal told of the claims that were asked about: one that is missing is lost, a kill may have been missed. */
  heed(asked: readonly ActiveJob[], rows: readonly LeaseRow[], begunAt: number): void {
    const ours = new Map(rows.map((row) => [row.fence, row]));
    for (const held of asked) {
      const row = ours.get(held.claim.fence);
      if (this.#jobs.get(held.claim.id)?.held !== held) continue;
      if (row === undefined) held.stop.request('fenced');
      else held.localLease.renewed(begunAt);
      if (row?.killRequested === true) held.stop.request('kill');
    }
  }
}
