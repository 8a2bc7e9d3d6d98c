// Shows a job as the state of a task: its code, which is a number once it has ended, and a description.

import type { Job } from '../../job/job.js';
import { type FailureReason, isFinal, type JobState } from '../../job/state.js';
import type { JobOutput } from '../../queue/queue.js';

/** The state of a task, in the order of its members. None is ever left out. */
export interface WireState {
  readonly id: string;
  /** Words before the end, a number after it: clients parse the code of an ended task. */
  readonly code: string;
  readonly description: string;
  readonly stdout: string;
  readonly stderr: string;
}

export function toWireState(job: Job, output: JobOutput): WireState {
  return {
    ...toWireFacts(job, output),
    stdout: toText(output.stdout),
    stderr: toText(output.stderr),
  };
}

type OutputFacts = Pick<JobOutput, 'droppedBytes' | 'incompleteReason'>;

/** All but the output. */
export function toWireFacts(job: Job, output: OutputFacts): Omit<WireState, 'stdout' | 'stderr'> {
  return {
    id: job.id,
    code: codeOf(job),
    description: descriptionOf(job) + portsOf(job) + flawOf(job, output),
  };
}

type Known = Pick<Job, 'state' | 'reason' | 'code' | 'message' | 'exitCode' | 'options'>;

const wordsBeforeEnd: Partial<Record<JobState, string>> = {
  queued: 'pending',
  preparing: 'pending',
  running: 'running',
  stopping: 'running',
};

/** A task that did not succeed never shows 0: a program may end with 0 when it is killed. */
export function codeOf({ state, exitCode }: Known): string {
  const word = wordsBeforeEnd[state];
  if (word !== undefined) return word;
  if (state === 'succeeded') return '0';
  return state === 'lost' || exitCode === undefined || exitCode === 0 ? '1' : String(exitCode);
}

/** Other reasons are shown as they are, with blanks. */
const reasonWords: Partial<Record<FailureReason, string>> = { start_failed: 'start', timed_out: 'limit' };

export function descriptionOf(job: Known): string {
  if (job.state === 'failed') return describeFailure(job);
  const detail = job.state === 'queued' || job.state === 'lost' ? job.message : undefined;
  return detail === undefined ? job.state : `${job.state}: ${detail}`;
}

const msPerHour = 3_600_000;

function describeFailure({ reason = 'internal', code, message, exitCode, options }: Known): string {
  if (reason === 'exit_code') return `failed: exit status ${exitCode ?? 1}`;
  if (code === 'command_not_found') return 'failed: program not found';
  const hours = (options.limits?.cpuTimeMs ?? 0) / msPerHour;
  if (code === 'cpu_time_used_up' && hours > 0) return `failed: limit: cpu time of ${hours} h used up`;
  const word = reasonWords[reason] ?? reason.replaceAll('_', ' ');
  return message === undefined ? `failed: ${word}` : `failed: ${word}: ${message}`;
}

/** Of a task that runs: afterwards the ports are another's. */
function portsOf({ state, publishedPorts }: Job): string {
  if (isFinal(state) || publishedPorts.length === 0) return '';
  return `; ports: ${publishedPorts.map(({ container, host }) => `${container}->${host}`).join(', ')}`;
}

function flawOf(job: Job, { droppedBytes, incompleteReason }: OutputFacts): string {
  const flaw = isFinal(job.state) ? incompleteReason : undefined;
  return [
    ...(droppedBytes > 0 ? [`; ${droppedBytes} bytes of output were not kept`] : []),
    ...(flaw === undefined ? [] : [`; output may be missing: ${flaw}`]),
  ].join('');
}

/** Bytes that are not UTF-8 become U+FFFD, because JSON and XML hold only text. */
function toText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
