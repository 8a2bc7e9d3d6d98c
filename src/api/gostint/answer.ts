import type { Job } from '../../job/job.js';
import { isFinal } from '../../job/state.js';
import type { JobOutput } from '../../queue/queue.js';
import { statusOf } from './states.js';
import type { WireJob } from './wire.js';

/** A time that is not known yet. Clients decode a time, so it is never `null`. */
const zeroTime = '0001-01-01T00:00:00Z';

/** A job as GoStint shows it. */
export function toWireJob(job: Job, output: JobOutput): WireJob {
  return {
    _id: job.id,
    status: statusOf(job),
    node_uuid: job.node ?? '',
    qname: job.queue ?? '',
    container_image: job.image ?? '',
    submitted: toTime(job.submittedAt),
    started: toTime(job.startedAt),
    ended: toTime(job.finishedAt),
    output: toOutput(job, output),
    stderr: toText(output.stderr),
    return_code: job.exitCode ?? 0,
    tty: job.tty,
    container_id: job.containerId ?? '',
    kill_requested: job.killRequestedAt !== undefined,
  };
}

function toTime(time: Date | undefined): string {
  return time?.toISOString() ?? zeroTime;
}

/**
 * A job that ended before it could print anything says here why: GoStint has no other field for it. What stands there
 * when its command could not be started is a complaint of the init process, and ours says more.
 */
function toOutput(job: Job, output: JobOutput): string {
  const { message, reason } = job;
  const isSilent = output.combined.length === 0 || reason === 'start_failed';
  if (isSilent && message !== undefined && endedByOtherMeans(job)) return message;
  const flaw = isFinal(job.state) ? output.incompleteReason : undefined;
  return toText(output.combined) + (flaw === undefined ? '' : `\n[stint: output may be missing: ${flaw}]\n`);
}

/** Not by its own exit: that is told by `return_code`, and silence is its true output. */
function endedByOtherMeans({ state, reason, exitCode }: Job): boolean {
  if (!isFinal(state)) return false;
  return exitCode === undefined || (state === 'failed' && reason !== 'exit_code');
}

/** Bytes that are no UTF-8 become U+FFFD: JSON can carry no others. */
function toText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
