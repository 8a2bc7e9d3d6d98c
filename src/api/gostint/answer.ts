// Converts a job and its output to GoStint's JSON.

import type { Job } from '../../job/job.js';
import { isFinal, type JobState } from '../../job/state.js';
import type { JobOutput } from '../../queue/queue.js';
import { statusOf } from './states.js';
import type { WireJob } from './wire.js';

/** Stands for a time that is not known yet. Clients decode a time, so it is never `null`. */
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
    return_code: job.exitCode ?? codeWithoutExit(job.state),
    tty: job.tty,
    container_id: job.containerId ?? '',
    kill_requested: job.killRequestedAt !== undefined,
  };
}

/** What `docker run` answers when the container never ran: whoever passes it on must not report a success. */
const neverExited = 125;

/** Of a job that did not exit by itself, or not yet: clients decode a number. */
function codeWithoutExit(state: JobState): number {
  return isFinal(state) && state !== 'succeeded' ? neverExited : 0;
}

function toTime(time: Date | undefined): string {
  return time?.toISOString() ?? zeroTime;
}

/**
 * For a job that ended before it printed anything, the output is the reason: GoStint has no other field for it. When the
 * command could not be started, the output is only an error of the init process, and our message says more. The reason of a
 * parent follows the output of its children.
 */
function toOutput(job: Job, output: JobOutput): string {
  const { message, reason } = job;
  const hasNoOutput = output.combined.length === 0 || reason === 'start_failed';
  if (hasNoOutput && message !== undefined && endedWithoutOwnExit(job)) return message;
  const flaw = isFinal(job.state) ? output.incompleteReason : undefined;
  const why = job.isParent && message !== undefined ? `\n[stint: ${message}]\n` : '';
  return (
    toText(output.combined) + (flaw === undefined ? '' : `\n[stint: output may be missing: ${flaw}]\n`) + why
  );
}

/** False for a job that exited by itself: `return_code` shows that, and its output may really be empty. */
function endedWithoutOwnExit({ state, reason, exitCode }: Job): boolean {
  if (!isFinal(state)) return false;
  return exitCode === undefined || (state === 'failed' && reason !== 'exit_code');
}

/** Bytes that are not UTF-8 become U+FFFD, because JSON can only hold text. */
function toText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
