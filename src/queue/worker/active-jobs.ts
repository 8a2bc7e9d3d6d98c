// All jobs that this node works on, to kill, stop, detach or renew them together.
import type { StopReason } from '../../job/outcome.js';
import type { ClaimKey, LeaseRow } from '../../store/jobs/claim.js';
import type { ActiveJob } from './active-job.js';

interface Entry {
  readonly job: ActiveJob;
  readonly owner: string;
  readonly done: Promise<void>;
}

/** The jobs that a node works on now, by their ids. */
export class ActiveJobs {
  readonly #jobs = new Map<string, Entry>();

  get size(): number {
    return this.#jobs.size;
  }

  /** `work` never throws. The job is active until its work is done. */
  add(job: ActiveJob, owner: string, work: Promise<void>): Promise<void> {
    const { id } = job.claim;
    const done = work.finally(() => {
      job[Symbol.dispose]();
      if (this.#jobs.get(id)?.job === job) this.#jobs.delete(id);
    });
    this.#jobs.set(id, { job, owner, done });
    return done;
  }

  all(): ActiveJob[] {
    return [...this.#jobs.values()].map((entry) => entry.job);
  }

  /** Owners of so many jobs or more. */
  ownersOf(atLeast: number): string[] {
    const counts = new Map<string, number>();
    for (const { owner } of this.#jobs.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return [...counts].flatMap(([owner, count]) => (count >= atLeast ? [owner] : []));
  }

  claims(): ClaimKey[] {
    return this.all().map((job) => job.claim);
  }

  /** False: the job is not active on this node. */
  kill(jobId: string): boolean {
    const entry = this.#jobs.get(jobId);
    entry?.job.stop.request('kill');
    return entry !== undefined;
  }

  /** Something was sent to the input of a job; without an id: perhaps to any. */
  ringInput(jobId?: string): void {
    for (const job of this.all()) if (jobId === undefined || job.claim.id === jobId) job.input.ring();
  }

  stopAll(reason: StopReason): void {
    for (const job of this.all()) job.stop.request(reason);
  }

  async allDone(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map((entry) => entry.done));
  }

  /** Returns jobs with unspent credentials to the queue, and waits until the others run or are done. */
  async detach(): Promise<void> {
    const entries = [...this.#jobs.values()];
    for (const { job } of entries) job.detach();
    await Promise.all(entries.map(({ job, done }) => Promise.race([job.started, done])));
  }

  /**
   * Applies the answer to a renewal of these jobs' leases. A claim that is missing from it is lost; a kill whose
   * notification was missed is carried out. A job that ended meanwhile, or was claimed again, is left alone.
   */
  applyRenewal(renewed: readonly ActiveJob[], rows: readonly LeaseRow[], begunAt: number): void {
    const ours = new Map(rows.map((row) => [row.fence, row]));
    for (const job of renewed) {
      const row = ours.get(job.claim.fence);
      if (this.#jobs.get(job.claim.id)?.job !== job) continue;
      if (row === undefined) job.stop.request('fenced');
      else job.localLease.renewed(begunAt);
      if (row?.killRequested === true) job.stop.request('kill');
    }
  }
}
