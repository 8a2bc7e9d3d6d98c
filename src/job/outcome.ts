// How a run ended, and the final state, reason and message that this gives the job.

import type { FailureReason, FinalState } from './state.js';

/** How a container ended, as the engine says. */
export interface Exit {
  readonly exitCode: number;
  /** The kernel killed a process of the container for memory. */
  readonly outOfMemory: boolean;
  /** The engine reports a start and an end of this very container: without both, exit code 0 is no success. */
  readonly proven: boolean;
  /** Why an end that the engine reports is no evidence of how the job ended, as a sentence for its owner. */
  readonly doubt?: string;
}

/** Why a job was stopped. The first reason counts. */
export type StopReason = 'kill' | 'time_limit' | 'cpu_limit' | 'shutdown' | 'fenced';

/** How a run ended: data, not an error. */
export type Outcome =
  | {
      readonly kind: 'ended';
      readonly exit: Exit;
      readonly stopped: StopReason | undefined;
      readonly limitMs: number;
    }
  | { readonly kind: 'stopped'; readonly by: StopReason; readonly limitMs: number }
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      readonly code: string;
      readonly message: string;
      readonly exitCode: number | undefined;
      /** An operator must be notified. */
      readonly alarm?: boolean;
    }
  /** The container was started and the engine cannot say how it ended. */
  | { readonly kind: 'vanished'; readonly message: string }
  /** No credential was spent and a part is unavailable: the job returns to its place in the queue. */
  | { readonly kind: 'postponed'; readonly code: string; readonly message: string };

/** What is stored of a job that has ended. */
export interface Verdict {
  readonly state: FinalState;
  readonly reason: FailureReason | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly exitCode: number | undefined;
  readonly outOfMemory: boolean;
  /** An operator must be notified, for example because somebody else used a credential. */
  readonly alarm: boolean;
}

type Final = Exclude<Outcome, { kind: 'postponed' }>;

/** The only place that turns an outcome into the final state, with the sentence that the owner reads. */
export function verdictOf(outcome: Final): Verdict {
  switch (outcome.kind) {
    case 'ended':
      return endedVerdict(outcome.exit, outcome.stopped, outcome.limitMs);
    case 'stopped':
      return stoppedVerdict(outcome.by, outcome.limitMs);
    case 'vanished':
      return { ...plain('lost'), code: 'engine_lost', message: outcome.message };
    case 'failed':
      return {
        ...plain('failed'),
        reason: outcome.reason,
        code: outcome.code,
        message: outcome.message,
        exitCode: outcome.exitCode,
        alarm: outcome.alarm ?? false,
      };
  }
}

function endedVerdict(exit: Exit, stopped: StopReason | undefined, limitMs: number): Verdict {
  const { outOfMemory } = exit;
  const seen = { ...(exit.proven && { exitCode: exit.exitCode }), outOfMemory };
  if (stopped !== undefined) return { ...stoppedVerdict(stopped, limitMs), ...seen };
  if (!exit.proven)
    return {
      ...plain('lost'),
      ...seen,
      code: 'end_unproven',
      message: exit.doubt ?? 'The engine reports no end of this container.',
    };
  if (exit.exitCode === 0) return { ...plain('succeeded'), ...seen };
  if (exit.outOfMemory && exit.exitCode === 137)
    return failed('out_of_memory', 'The job was killed for exceeding its memory limit.', seen);
  return failed('exit_code', `The job ended with exit code ${exit.exitCode}.`, seen);
}

/** A shutdown that stops a started job makes it lost, not failed: how it would have ended is not known. */
function stoppedVerdict(by: StopReason, limitMs: number): Verdict {
  if (by === 'kill') return { ...plain('canceled'), code: 'killed', message: 'job killed' };
  if (by === 'time_limit')
    return failed('timed_out', `The job was stopped after its limit of ${limitMs / 1000} s.`);
  if (by === 'cpu_limit')
    return {
      ...failed('timed_out', `The job was stopped after its limit of ${limitMs / 1000} s of CPU time.`),
      code: 'cpu_time_used_up',
    };
  return { ...plain('lost'), code: by, message: 'The node was shut down while the job ran.' };
}

function failed(
  reason: FailureReason,
  message: string,
  seen: { exitCode?: number; outOfMemory?: boolean } = {},
): Verdict {
  return { ...plain('failed'), reason, code: reason, message, ...seen };
}

function plain(state: FinalState): Verdict {
  return {
    state,
    reason: undefined,
    code: undefined,
    message: undefined,
    exitCode: undefined,
    outOfMemory: false,
    alarm: false,
  };
}

/** What is known of a job's output at its end. */
export interface OutputFacts {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Why bytes may be missing; undefined when all were stored or counted as dropped. */
  readonly flaw: string | undefined;
}
