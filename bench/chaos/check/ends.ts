// Checks how jobs ended: one final state, as expected or explained by a fault, with the right output.
import type { Accepted, EngineEvent, History, Injected, StoredJob } from '../history/history.js';
import { readWitness } from '../load/witness.js';
import type { Finding } from './finding.js';

const finalStates: readonly string[] = ['succeeded', 'failed', 'canceled', 'lost'];
/** Kinds of events that move a job to a state that is not final. */
const moves: readonly string[] = ['claimed', 'prepared', 'running', 'stopping', 'postponed', 'queued'];

/** Each job has one final state, the right one, explained where it is not the expected one; and the output is as it says. */
export function checkEnds(history: History): Finding[] {
  const { jobs } = history;
  const each = (judge: (job: StoredJob) => string | undefined) =>
    jobs.flatMap((job) => {
      const problem = judge(job);
      return problem === undefined ? [] : [`${job.id} ${problem}`];
    });
  const judge = new EndJudge(history);
  return [
    { rule: 'jobs without a final state', violations: each(unended) },
    { rule: 'final states that changed', violations: each(changed) },
    { rule: 'wrong ends', violations: each((job) => judge.wrongEnd(job)) },
    { rule: 'codes that are not the engine’s', violations: each((job) => judge.otherCode(job)) },
    { rule: 'lost or interrupted without a fault', violations: each((job) => judge.unexplained(job)) },
    {
      rule: 'outputs that are marked complete and are not',
      violations: each((job) => judge.wrongOutput(job)),
    },
  ];
}

function unended({ state }: StoredJob): string | undefined {
  return finalStates.includes(state) ? undefined : `is ${state}`;
}

function changed({ state, events }: StoredJob): string | undefined {
  const ends = events.filter(({ kind }) => finalStates.includes(kind));
  if (ends.length > 1) return `ended ${ends.length} times: ${ends.map(({ kind }) => kind).join(', ')}`;
  const end = events.findIndex(({ kind }) => finalStates.includes(kind));
  if (end === -1) return finalStates.includes(state) ? 'has no event of its end' : undefined;
  if (events[end]?.kind !== state) return `is ${state}, its event says ${events[end]?.kind}`;
  const later = events.slice(end + 1).find(({ kind }) => moves.includes(kind));
  return later === undefined ? undefined : `moved after its end: ${later.kind}`;
}

/** Whether a job ended as only a fault explains: lost, failed for the infrastructure, or stopped by a signal. */
export function isDisturbed({
  state,
  reason,
  exitCode,
}: Pick<StoredJob, 'state' | 'reason' | 'exitCode'>): boolean {
  if (state === 'lost') return true;
  if (state !== 'failed') return false;
  return reason === 'infrastructure' || reason === 'start_failed' || isSignalCode(exitCode);
}

/** Ended by TERM or KILL: an engine that is stopped sends these to its containers. */
function isSignalCode(exitCode: number | undefined): boolean {
  return exitCode === 137 || exitCode === 143;
}

/** How long after a fault its consequences may appear: leases must expire, queues must go on. */
const consequenceMs = 30_000;

/** How many characters of an output's end a finding shows. */
const shownLength = 120;

class EndJudge {
  readonly #accepted: ReadonlyMap<string, Accepted>;
  readonly #deaths: readonly EngineEvent[];
  readonly #started: ReadonlySet<string>;
  readonly #faults: readonly Injected[];

  constructor({ accepted, engine, faults }: History) {
    this.#accepted = new Map(accepted.map((each) => [each.id, each]));
    this.#deaths = engine.filter(({ action }) => action === 'die');
    this.#started = new Set(engine.filter(({ action }) => action === 'start').map(({ jobId }) => jobId));
    this.#faults = faults;
  }

  /** A kill may come too late, so a job that was to be killed may also have succeeded. */
  wrongEnd(job: StoredJob): string | undefined {
    const { state, exitCode, reason, code } = job;
    if (state === 'succeeded' && exitCode !== 0) return `succeeded with the code ${exitCode}`;
    if (reason === 'start_failed' && this.#started.has(job.id))
      return 'is recorded as not started, but it ran';
    const expected = this.#accepted.get(job.id)?.expected;
    if (expected === undefined || isDisturbed(job) || !finalStates.includes(state)) return undefined;
    const isTooLate = expected.state === 'canceled' && state === 'succeeded';
    if (isTooLate || (state === 'canceled' && expected.state === 'canceled')) return undefined;
    if (state === expected.state && exitCode === expected.exitCode) return undefined;
    const got = [state, reason, code, exitCode].filter((part) => part !== undefined).join(' ');
    return `was expected as ${expected.state} ${expected.exitCode}, is ${got}`;
  }

  /** A restarted engine reports the end of old containers again, with the code 255; any code that it reported counts. */
  otherCode({ id, exitCode, finishedAt = Number.POSITIVE_INFINITY }: StoredJob): string | undefined {
    const codes = this.#deaths
      .filter(({ jobId, at }) => jobId === id && at <= finishedAt)
      .map((death) => death.exitCode);
    if (exitCode === undefined || codes.length === 0 || codes.includes(exitCode)) return undefined;
    return `has the code ${exitCode}, its container ended with ${codes.join(', ')}`;
  }

  unexplained(job: StoredJob): string | undefined {
    if (!isDisturbed(job) || job.finishedAt === undefined) return undefined;
    const { submittedAt, finishedAt } = job;
    const isExplained = this.#faults.some(
      ({ from, to }) => from <= finishedAt && to + consequenceMs >= submittedAt,
    );
    return isExplained ? undefined : `is ${job.state} ${job.reason ?? ''} ${job.code ?? ''} without a fault`;
  }

  wrongOutput(job: StoredJob): string | undefined {
    const accepted = this.#accepted.get(job.id);
    if (accepted === undefined || !job.outputComplete || !finalStates.includes(job.state)) return undefined;
    const witness = readWitness(job.output);
    const hasEnded = job.exitCode === accepted.expected.exitCode && accepted.expected.state !== 'canceled';
    if (!hasEnded) return undefined;
    if (witness?.to === undefined)
      return `(${accepted.expected.kind}) has no last line, but ${JSON.stringify(job.output.slice(-shownLength))}`;
    if (witness.nonce !== accepted.nonce) return 'has the output of another job';
    const { body } = accepted.expected;
    return body === undefined || body === witness.body
      ? undefined
      : `(${accepted.expected.kind}) lacks or repeats a part of what it printed`;
  }
}
