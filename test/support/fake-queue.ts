import { RefusedError } from '../../src/job/errors.js';
import { newJobId } from '../../src/job/id.js';
import type { Job, JobLabel, JobName, JobRequest } from '../../src/job/job.js';
import type { Caller, Reach } from '../../src/job/owner.js';
import { ownerOf } from '../../src/job/owner.js';
import type { Child, ParentView } from '../../src/job/parents/planner.js';
import { isActive, isFinal } from '../../src/job/state.js';
import type { Place, Revision } from '../../src/queue/parent-jobs.js';
import type {
  JobCount,
  JobFilter,
  JobOutput,
  JobPage,
  ListedFilter,
  OpenedOutput,
  OutputStream,
  Queue,
  SubmittedJob,
} from '../../src/queue/queue.js';
import type { Whereabouts } from '../../src/queue/rights/whereabouts.js';

/** An output with these texts. */
export function outputOf(
  combined: string,
  more: Partial<JobOutput> & { stdoutText?: string; stderrText?: string } = {},
): JobOutput {
  const { stdoutText = combined, stderrText = '', ...rest } = more;
  return {
    combined: Buffer.from(combined),
    stdout: Buffer.from(stdoutText),
    stderr: Buffer.from(stderrText),
    droppedBytes: 0,
    complete: true,
    incompleteReason: undefined,
    ...rest,
  };
}

/** A queued job of owner `entity:e1`, changed as a test needs it. */
export function newJob(changes: Partial<Job> = {}): Job {
  return {
    id: newJobId(),
    door: 'gostint',
    queue: 'demo',
    owner: { key: 'entity:e1', displayName: 'tester' },
    state: 'queued',
    reason: undefined,
    code: undefined,
    message: undefined,
    node: undefined,
    image: undefined,
    imageId: undefined,
    imageDigest: undefined,
    tty: false,
    containerId: undefined,
    publishedPorts: [],
    exitCode: undefined,
    outOfMemory: false,
    submittedAt: new Date('2025-10-18T14:18:42.101Z'),
    startedAt: undefined,
    finishedAt: undefined,
    killRequestedAt: undefined,
    killRequestedBy: undefined,
    label: {},
    options: {},
    unlistedAt: undefined,
    isParent: false,
    parent: undefined,
    slot: undefined,
    ...changes,
  };
}

/** For a queue that gets no parents. */
export const noParents = { admit: async () => undefined, carryOn: async () => undefined };

/** A queue that keeps jobs in memory and runs none. Tests add jobs and check what was requested. */
export class FakeQueue implements Queue {
  /** Everything that was requested, in order. */
  readonly asked: (keyof Queue)[] = [];
  readonly submitted: JobRequest[] = [];
  readonly filters: JobFilter[] = [];
  /** Thrown by the next call and all that follow. */
  failure: unknown;
  /** The warnings of every submit. */
  warnings: readonly string[] = [];
  readonly #jobs = new Map<string, { job: Job; output: JobOutput }>();
  readonly #parents = new Map<string, Pick<ParentView, 'fields' | 'plan' | 'progress'>>();

  add(changes: Partial<Job> = {}, output: JobOutput = outputOf('')): Job {
    const job = newJob(changes);
    this.#jobs.set(job.id, { job, output });
    return job;
  }

  /** Where its jobs are, as `Whereabouts` tells it. */
  readonly whereabouts: Whereabouts = {
    queueOf: async (id) => this.#jobs.get(id)?.job.queue,
    named: async ({ project, ...name }) =>
      this.#all()
        .filter((job) => isWanted(job, name) && job.label.name === name.name && job.label.project === project)
        .toReversed(),
    queues: async () => [...new Set(this.#all().flatMap(({ queue }) => queue ?? []))].toSorted(),
  };

  /** As `get`, but as nobody's request. */
  check(id: string, reach: Reach): Job {
    return this.#find(id, reach).job;
  }

  job(id: string): Job {
    return this.#find(id, { everyone: true }).job;
  }

  /** What became of a job. */
  change(id: string, changes: Partial<Job>): void {
    const { job, output } = this.#find(id, { everyone: true });
    this.#jobs.set(id, { job: { ...job, ...changes }, output });
  }

  async submit(request: JobRequest, _key?: string): Promise<SubmittedJob> {
    this.#note('submit');
    this.submitted.push(request);
    const { door, queue, owner, fields, namePrefix } = request;
    const made = namePrefix === undefined ? {} : { name: `${namePrefix}-${this.submitted.length - 1}` };
    const label = { ...request.label, ...made };
    this.#refuseTaken(label, request);
    const image = request.label && fields.image;
    const { parent } = request;
    const facts = { door, queue, owner, label, image, options: fields.options ?? {} };
    const job = this.add({ ...facts, isParent: parent !== undefined });
    if (parent !== undefined) this.#parents.set(job.id, { ...parent, fields });
    return { ...job, warnings: this.warnings };
  }

  async get(id: string, reach: Reach): Promise<Job> {
    this.#note('get');
    return this.#find(id, reach).job;
  }

  /** Outputs that are longer are read in pieces of so many bytes. */
  longerThan = Number.POSITIVE_INFINITY;

  async openOutput(id: string, reach: Reach): Promise<OpenedOutput> {
    const output = await this.output(id, reach);
    const { longerThan: size } = this;
    if (output.combined.length <= size) return { whole: output };
    const pieces = async function* (which: OutputStream) {
      for (let at = 0; at < output[which].length; at += size) yield output[which].subarray(at, at + size);
    };
    return { long: { ...output, pieces } };
  }

  async output(id: string, reach: Reach): Promise<JobOutput> {
    this.#note('output');
    return this.#find(id, reach).output;
  }

  async list(filter: JobFilter, reach: Reach): Promise<JobPage> {
    this.#note('list');
    this.filters.push(filter);
    const jobs = [...this.#jobs.values()]
      .filter(({ job }) => isWithin(job, reach) && isWanted(job, filter))
      .toReversed()
      .map(({ job, output }) => ({ ...job, output }));
    return { jobs: jobs.slice(filter.skip, filter.skip + filter.limit), total: jobs.length };
  }

  async listed(filter: ListedFilter, reach: Reach): Promise<readonly Job[]> {
    this.#note('listed');
    const jobs = [...this.#jobs.values()].map(({ job }) => job);
    return jobs.filter((job) => isWithin(job, reach) && isWanted(job, filter)).toReversed();
  }

  async kill(id: string, reach: Reach, caller: Caller, _reason?: string): Promise<Job> {
    this.#note('kill');
    const { job, output } = this.#find(id, reach);
    const asked = { killRequestedAt: new Date(), killRequestedBy: ownerOf(caller).key };
    this.#jobs.set(id, { job: { ...job, ...asked }, output });
    return job;
  }

  async find({ door, project, name }: JobName, reach: Reach): Promise<Job> {
    this.#note('find');
    const found = [...this.#jobs.values()].findLast(
      ({ job }) =>
        isWithin(job, reach) &&
        isWanted(job, { door }) &&
        job.label.name === name &&
        job.label.project === project,
    );
    return this.#find(found?.job.id ?? '', reach).job;
  }

  async unlist(id: string, reach: Reach, _caller?: Caller): Promise<void> {
    this.#note('unlist');
    const { job, output } = this.#find(id, reach);
    const state = isFinal(job.state) ? job.state : 'canceled';
    this.#jobs.set(id, { job: { ...job, state, unlistedAt: new Date() }, output });
  }

  async delete(id: string, reach: Reach): Promise<void> {
    this.#note('delete');
    const { job } = this.#find(id, reach);
    if (isActive(job.state)) throw new RefusedError('conflict', 'Cannot delete a running/stopping job');
    this.#jobs.delete(id);
  }

  async parent(id: string, reach: Reach): Promise<ParentView> {
    this.#note('parent');
    const { job } = this.#find(id, reach);
    const kept = this.#parents.get(id);
    if (kept === undefined) throw new RefusedError('not_found', 'not found');
    const active = this.#childrenOf(id).filter(({ state }) => !isFinal(state));
    const { owner, label, submittedAt } = job;
    const now = new Date();
    return { id, owner, label, submittedAt, ...kept, active: active.map(toChild), now };
  }

  async children(id: string, reach: Reach): Promise<readonly Job[]> {
    this.#note('children');
    this.#find(id, reach);
    return this.#childrenOf(id);
  }

  async placesOf(jobs: readonly Job[]): Promise<ReadonlyMap<string, Place>> {
    this.#note('placesOf');
    const underWay = jobs.filter(({ isParent, state }) => isParent && isActive(state));
    return new Map(underWay.map(({ id }) => [id, placeOf(this.#childrenOf(id))]));
  }

  /** No planner is asked: a test adds the children. */
  async revise(id: string, reach: Reach, { change }: Revision): Promise<void> {
    const view = await this.parent(id, reach);
    this.#note('revise');
    this.#parents.set(id, { ...view, ...change(view) });
  }

  async counts(): Promise<readonly JobCount[]> {
    this.#note('counts');
    return [...this.#jobs.values()].map(({ job }) => ({ state: job.state, reason: job.reason, count: 1 }));
  }

  #all(): Job[] {
    return [...this.#jobs.values()].map(({ job }) => job);
  }

  #childrenOf(id: string): Job[] {
    return this.#all().filter(({ parent }) => parent === id);
  }

  #note(what: keyof Queue): void {
    this.asked.push(what);
    if (this.failure !== undefined) throw this.failure;
  }

  #refuseTaken({ name, project }: JobLabel, { door, owner }: JobRequest): void {
    const isTaken = [...this.#jobs.values()].some(
      ({ job }) =>
        name !== undefined &&
        job.owner.key === owner.key &&
        isWanted(job, { door }) &&
        job.label.name === name &&
        job.label.project === project,
    );
    if (isTaken) throw new RefusedError('name_taken', `The name "${name}" is taken.`);
  }

  #find(id: string, reach: Reach): { job: Job; output: JobOutput } {
    const found = this.#jobs.get(id);
    if (found === undefined || !isWithin(found.job, reach)) throw new RefusedError('not_found', 'not found');
    return found;
  }
}

function placeOf(runs: readonly Job[]): Place {
  const active = runs.filter(({ state }) => isActive(state));
  const last = runs.filter(({ state }) => isFinal(state)).slice(-1);
  const nodes = new Set((active.length > 0 ? active : last).flatMap(({ node = [] }) => node));
  const running = active.filter(({ state }) => state !== 'preparing').length;
  return { nodes: [...nodes].toSorted(), running };
}

function toChild(job: Job): Child {
  return { ...job, slot: job.slot ?? 0, killRequested: job.killRequestedAt !== undefined };
}

function isWanted(job: Job, { door, project }: Pick<JobFilter, 'door' | 'project'>): boolean {
  if (project !== undefined && job.label.project !== project) return false;
  return door === undefined || (job.door === door && job.unlistedAt === undefined);
}

function isWithin(job: Job, reach: Reach): boolean {
  return reach.everyone || job.owner.key === reach.ownerKey || reach.queues?.includes(job.queue) === true;
}
