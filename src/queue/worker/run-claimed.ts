import { execute } from '../../executor/execute.js';
import { resume } from '../../executor/resume.js';
import type { Execution, ExecutorParts } from '../../executor/run.js';
import { FencedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { AdoptedRow } from '../../store/jobs/adopt.js';
import type { ClaimedRow } from '../../store/jobs/claim.js';
import type { Alarms } from '../maintenance/alarms.js';
import { openRequest } from '../service/seal.js';
import type { ActiveJob } from './active-job.js';
import type { ClaimBreaker } from './claim-breaker.js';
import { fencedRecorder, persist } from './fenced-recorder.js';
import { type RecordParts, recordEnd } from './record-end.js';
import type { WorkerLog } from './worker-log.js';

export interface RunParts extends RecordParts {
  readonly executor: ExecutorParts;
  readonly sealKey: Buffer;
  readonly breaker?: Pick<ClaimBreaker, 'recordOutcome'> | undefined;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
  /** Told when the end of this job made another one ready. */
  readonly onNextReady: () => void;
  readonly log: WorkerLog;
}

/** Runs a claimed job and records its end. Never throws. */
export async function runClaimed(row: ClaimedRow, held: ActiveJob, parts: RunParts): Promise<void> {
  parts.log.info('job claimed', { jobId: row.id, queue: row.queue });
  await recording(held, parts, async () => {
    const open = () => openRequest(parts.sealKey, row, row.sealed);
    await failpoint('after-claim');
    const recorder = fencedRecorder(parts.store, held);
    return execute({ job: { ...row, open }, recorder, stop: held.stop }, parts.executor);
  });
}

/** Goes on with a job whose container an earlier life of this node started, and records its end. Never throws. */
export async function runAdopted(row: AdoptedRow, held: ActiveJob, parts: RunParts): Promise<void> {
  parts.log.info('job adopted', { jobId: row.id, queue: row.queue });
  held.spends();
  held.starts();
  if (row.killRequested) held.stop.request('kill');
  await recording(held, parts, async () => {
    const output = await persist(() => parts.store.readOutputState(row.id));
    const { id, queue, tokenAccessor } = row;
    const job = { id, queue, tokenAccessor, containerFence: Number(row.containerFence) };
    const recorder = fencedRecorder(parts.store, held);
    return resume({ job, recorder, stop: held.stop, output }, parts.executor);
  });
}

async function recording(held: ActiveJob, parts: RunParts, run: () => Promise<Execution>): Promise<void> {
  const { id: jobId } = held.claim;
  try {
    const execution = await run();
    parts.breaker?.recordOutcome(execution.outcome);
    const end = await recordEnd(parts, held.claim, execution);
    parts.log.info('job recorded', { jobId, ...end.shown });
    if (end.alarm !== undefined) parts.alarms?.raise({ jobId, ...end.alarm });
    if (end.nextReady) parts.onNextReady();
  } catch (error) {
    if (error instanceof FencedError) parts.log.info('claim lost, standing down', { jobId });
    else parts.log.error('could not record the end of a job', { jobId, error });
  }
}
