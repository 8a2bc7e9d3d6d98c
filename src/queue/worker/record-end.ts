// Records how a run ended: returns the job to the queue or stores its final state.
import type { Execution } from '../../executor/run.js';
import { BrokenError, FencedError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import { type Outcome, type Verdict, verdictOf } from '../../job/outcome.js';
import type { ClaimKey } from '../../store/jobs/claim.js';
import type { EndFacts } from '../../store/jobs/endings.js';
import type { PostponedTooOften, Postponement } from '../../store/jobs/postpone.js';
import type { Store } from '../../store/store.js';
import { persist } from './fenced-recorder.js';

/** How long a postponed job waits before it is tried again. */
const postponeMs = 5_000;

export interface RecordedEnd {
  readonly nextReady: boolean;
  /** Facts for the log; nothing in them is secret. */
  readonly logFacts: { state: string; code?: string | undefined };
  /** An alarm to raise, now that the end is recorded. */
  readonly alarm?: { readonly code: string; readonly message: string } | undefined;
}

export interface RecordParts {
  readonly store: Store;
  /** How long a queue is held at most for a container that may still run. */
  readonly holdLimitMs: number;
}

/** Records the end of an execution: the job returns to the queue, or its final state is stored. */
export async function recordEnd(
  { store, holdLimitMs }: RecordParts,
  claim: ClaimKey,
  execution: Execution,
): Promise<RecordedEnd> {
  const { outcome, output } = execution;
  if (outcome.kind === 'vanished')
    return finish(store, claim, { ...output, holdMs: holdLimitMs }, verdictOf(outcome));
  if (outcome.kind !== 'postponed') return finish(store, claim, output, verdictOf(outcome));
  const delayMs = outcome.code === 'shutdown' ? 0 : postponeMs; // No part is unavailable: another node may claim it now.
  const answer = await postpone(store, claim, { ...outcome, delayMs });
  if (answer === 'postponed')
    return { nextReady: delayMs === 0, logFacts: { state: 'queued', code: outcome.code } };
  const verdict =
    answer === 'refused' ? await verdictInstead(store, claim, outcome) : tooOften(answer, outcome.message);
  return finish(store, claim, output, verdict);
}

type Postponed = Extract<Outcome, { kind: 'postponed' }>;

/** `refused`: a kill was asked for meanwhile, or the credentials are spent. */
async function postpone(
  store: Store,
  claim: ClaimKey,
  wait: Postponement,
): Promise<'postponed' | 'refused' | PostponedTooOften> {
  try {
    return await persist(() => store.postponeJob(claim, wait));
  } catch (error) {
    if (error instanceof FencedError) return 'refused';
    throw error;
  }
}

/** Whatever the cause: a job that cannot begin must not keep its queue waiting for ever. */
function tooOften({ postponements, since }: PostponedTooOften, lastReason: string): Verdict {
  return verdictOf({
    kind: 'failed',
    reason: 'infrastructure',
    code: 'postponed_too_often',
    message: `The job was postponed ${postponements} times since ${since.toISOString()} and could not begin. The last reason: ${lastReason}`,
    exitCode: undefined,
  });
}

async function verdictInstead(store: Store, claim: ClaimKey, wait: Postponed): Promise<Verdict> {
  const found = await persist(() => store.findJob(claim.id, { everyone: true }));
  if (found?.job.killRequestedAt !== undefined) return verdictOf({ kind: 'stopped', by: 'kill', limitMs: 0 });
  const { code, message } = wait;
  return verdictOf({ kind: 'failed', reason: 'infrastructure', code, message, exitCode: undefined });
}

async function finish(
  store: Store,
  claim: ClaimKey,
  facts: EndFacts,
  verdict: Verdict,
): Promise<RecordedEnd> {
  try {
    await failpoint('before-record');
    const { nextReady } = await persist(() => store.finishJob(claim, verdict, facts));
    await failpoint('after-record');
    return { nextReady, logFacts: { state: verdict.state, code: verdict.code }, alarm: alarmOf(verdict) };
  } catch (error) {
    if (!(error instanceof BrokenError) || verdict === notRecordable) throw error;
    return finish(store, claim, facts, notRecordable);
  }
}

function alarmOf({ alarm, code = '', message = '' }: Verdict): RecordedEnd['alarm'] {
  return alarm ? { code, message } : undefined;
}

/** Recorded instead of a verdict that the database refuses, which would keep the queue waiting for ever. */
const notRecordable = verdictOf({
  kind: 'failed',
  reason: 'internal',
  code: 'end_not_recordable',
  message: 'The job ended, but the database refused to store how.',
  exitCode: undefined,
});
