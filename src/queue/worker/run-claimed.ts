// Runs one claimed or adopted job from start to recorded end.
import { execute } from '../../executor/execute.js';
import { resume } from '../../executor/resume.js';
import type { ClaimedJob, Execution, ExecutorParts, OpenedRequest } from '../../executor/run.js';
import { FencedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { JobLabel } from '../../job/job.js';
import type { MemoryBudget, Taken } from '../../job/payload/memory-budget.js';
import type { AdoptedRow } from '../../store/jobs/adopt.js';
import type { ClaimedRow } from '../../store/jobs/claim.js';
import { findChange } from '../audit/columns.js';
import type { Alarms } from '../maintenance/alarms.js';
import { writeJobFiles } from '../output-files/job-files.js';
import { keepLogin } from '../parents/keep-login.js';
import { notAuthentic, openRequest } from '../service/seal.js';
import type { ActiveJob } from './active-job.js';
import type { ClaimBreaker } from './claim-breaker.js';
import { fencedRecorder, persist } from './fenced-recorder.js';
import { jobInput } from './job-input.js';
import { readPipeStates } from './pipe-states.js';
import { type RecordParts, recordEnd } from './record-end.js';
import type { WorkerLog } from './worker-log.js';

export interface RunParts extends RecordParts {
  readonly executor: ExecutorParts;
  readonly sealKey: Buffer;
  readonly breaker?: Pick<ClaimBreaker, 'recordOutcome'> | undefined;
  /** For the large requests of all jobs that run here. */
  readonly memory?: MemoryBudget | undefined;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
  /** Where files of output may be; undefined: none are written. */
  readonly outputRoot?: string | undefined;
  /** Called when the end of this job made another one ready. */
  readonly onNextReady: () => void;
  /** Called with its parent when a child has ended, or has made the login that all share. */
  readonly onChildChanged?: ((parent: string) => void) | undefined;
  readonly log: WorkerLog;
}

/** Runs a claimed job and records its end. Never throws. */
export async function runClaimed(row: ClaimedRow, activeJob: ActiveJob, parts: RunParts): Promise<void> {
  parts.log.info('job claimed', { jobId: row.id, queue: row.queue });
  await runAndRecord(row, activeJob, parts, async () => {
    using memory = new RunMemory(parts.memory);
    const open = async () => {
      await memory.waitFor(row.sealedBytes ?? 0, activeJob.stop.signal);
      return await openUnchanged(row, parts);
    };
    await failpoint('after-claim');
    const recorder = fencedRecorder(parts.store, activeJob);
    const keep = keepFor(row, parts);
    const input = (pipe?: string) => jobInput(parts, activeJob, pipe);
    return await execute(
      { job: { ...row, open, keepLogin: keep }, recorder, stop: activeJob.stop, input },
      parts.executor,
    );
  });
}

/** Throws `JobFailedError` with an alarm where the row, or what is sealed with it, is not as it was submitted. */
async function openUnchanged(row: ClaimedRow, { sealKey, store }: RunParts): Promise<OpenedRequest> {
  const request = await openRequest(sealKey, row, await readWhole(row, store));
  const { ownerName, options, parent, slot, image } = row;
  const change = findChange(
    request.columns,
    { ownerName, label: labelOf(row), options, parent, slot },
    image,
  );
  if (change === undefined) return request;
  if (change === 'image' && (await persist(() => store.wasPrepared(row.id)))) return request;
  throw notAuthentic();
}

function labelOf({ jobName, project, jobKind, requester }: ClaimedRow): JobLabel {
  return {
    name: jobName ?? undefined,
    project: project ?? undefined,
    kind: jobKind ?? undefined,
    requester: requester ?? undefined,
  };
}

/** Requests up to this size are not counted. */
const smallBytes = 256 * 1024;
/** A job takes less than so many times the size of its request. */
const runFactor = 3;

/** What a run takes for its request, from the moment it is read to the end of the run: its content stays as long. */
class RunMemory implements Disposable {
  readonly #budget: MemoryBudget | undefined;
  #taken: Taken | undefined;

  constructor(budget: MemoryBudget | undefined) {
    this.#budget = budget;
  }

  /** Waits in a slot: the job is claimed, and may be killed. */
  async waitFor(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes > smallBytes) this.#taken = await this.#budget?.wait(runFactor * bytes, signal);
  }

  [Symbol.dispose](): void {
    this.#taken?.release();
  }
}

/** Its parent may start the others once the login is kept. */
function keepFor(row: ClaimedRow, parts: RunParts): ClaimedJob['keepLogin'] {
  const { parent } = row;
  if (parent === null) return undefined;
  return async (kept, renewInMs) => {
    await keepLogin(parts, parent, row, { kept, renewInMs });
    parts.onChildChanged?.(parent);
  };
}

/** Null when the request is gone, or was removed while it was read. */
async function readWhole(row: ClaimedRow, store: RunParts['store']): Promise<Uint8Array | null> {
  const { id, sealed, sealedBytes } = row;
  if (sealed === null || sealedBytes === null || sealed.length === sealedBytes) return sealed;
  const whole = Buffer.allocUnsafeSlow(sealedBytes);
  for (
    let part: Uint8Array | undefined = sealed, at = 0;
    ;
    part = await persist(() => store.readSealed(id, at))
  ) {
    if (part === undefined || part.length === 0) return null;
    whole.set(part, at);
    at += part.length;
    if (at >= sealedBytes) return whole;
  }
}

/** Resumes a job whose container the previous process of this node started, and records its end. Never throws. */
export async function runAdopted(row: AdoptedRow, activeJob: ActiveJob, parts: RunParts): Promise<void> {
  parts.log.info('job adopted', { jobId: row.id, queue: row.queue });
  activeJob.begins();
  activeJob.starts();
  if (row.killRequested) activeJob.stop.request('kill');
  await runAndRecord(row, activeJob, parts, async () => {
    const output = await persist(() => parts.store.readOutputState(row.id));
    const pipes = await readPipeStates(row, parts.store);
    const { id, queue, tokenAccessor, sharesLogin, options } = row;
    const containerFence = Number(row.containerFence);
    const job = { id, queue, tokenAccessor, sharesLogin, containerFence, options: options ?? {} };
    const recorder = fencedRecorder(parts.store, activeJob);
    const input = (pipe?: string) => jobInput(parts, activeJob, pipe);
    return resume({ job, recorder, stop: activeJob.stop, output, pipes, input }, parts.executor);
  });
}

/** A lost claim is no error: another node, or an operator, has decided about the job. */
async function runAndRecord(
  { parent }: { readonly parent: string | null },
  activeJob: ActiveJob,
  parts: RunParts,
  run: () => Promise<Execution>,
): Promise<void> {
  const { id: jobId } = activeJob.claim;
  try {
    const execution = await run();
    await parts.breaker?.recordOutcome(execution.outcome);
    const end = await recordEnd(parts, activeJob.claim, await writeJobFiles(parts, jobId, execution));
    parts.log.info('job recorded', { jobId, ...end.logFacts });
    if (end.alarm !== undefined) parts.alarms?.raise({ jobId, ...end.alarm });
    if (end.nextReady) parts.onNextReady();
    if (parent !== null) parts.onChildChanged?.(parent);
  } catch (error) {
    if (error instanceof FencedError) parts.log.info('claim lost, run stopped', { jobId });
    else parts.log.error('could not record the end of a job', { jobId, error });
  }
}
