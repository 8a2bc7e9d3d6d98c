// Converts a job and its output to GoStint's JSON.

import type { Job } from '../../job/job.js';
import { isFinal, type JobState } from '../../job/state.js';
import type { JobOutput, LongOutput } from '../../queue/queue.js';
import { inJsonString, textPieces } from '../http/text-pieces.js';
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

/** The same of a job whose output is long, as text in pieces: `output` and `stderr` are its last members. */
export async function* wireJobPieces(job: Job, long: LongOutput): AsyncGenerator<string> {
  const { output: _, stderr: __, ...others } = toWireJob(job, withoutOutput);
  yield `${JSON.stringify(others).slice(0, -1)},"output":"`;
  if (showsReason(job, false)) yield inJsonString(job.message ?? '');
  else {
    yield* textPieces(long.pieces('combined'), inJsonString);
    yield inJsonString(afterOutput(job, long));
  }
  yield '","stderr":"';
  yield* textPieces(long.pieces('stderr'), inJsonString);
  yield '"}';
}

const none = new Uint8Array();
const withoutOutput: JobOutput = {
  combined: none,
  stdout: none,
  stderr: none,
  droppedBytes: 0,
  complete: true,
  incompleteReason: undefined,
};

/**
 * For a job that ended before it printed anything, the output is the reason: GoStint has no other field for it. When the
 * command could not be started, the output is only an error of the init process, and our message says more. The reason of a
 * parent follows the output of its children.
 */
function toOutput(job: Job, output: JobOutput): string {
  if (showsReason(job, output.combined.length === 0)) return job.message ?? '';
  return toText(output.combined) + afterOutput(job, output);
}

/** Instead of its output. */
function showsReason(job: Job, hasNoOutput: boolean): boolean {
  const isHidden = hasNoOutput || job.reason === 'start_failed';
  return isHidden && job.message !== undefined && endedWithoutOwnExit(job);
}

function afterOutput({ state, isParent, message }: Job, output: Pick<JobOutput, 'incompleteReason'>): string {
  const flaw = isFinal(state) ? output.incompleteReason : undefined;
  const why = isParent && message !== undefined ? `\n[stint: ${message}]\n` : '';
  return (flaw === undefined ? '' : `\n[stint: output may be missing: ${flaw}]\n`) + why;
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
