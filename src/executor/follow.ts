// Starts the container, stores its output, stops it on request, and returns the outcome.
import { BrokenError, FencedError } from '../job/errors.js';
import { failpoint } from '../job/failpoint.js';
import type { ContainerOptions } from '../job/options/options.js';
import type { Exit, Outcome, OutputFacts } from '../job/outcome.js';
import type { PreparedContainer, RunningContainer } from './backend.js';
import { feedInput } from './input.js';
import { limitBehind, type TimeLimits, timeLimits, watchCpuTime } from './limits.js';
import { discard } from './masking/discard.js';
import { whenFound } from './masking/found.js';
import { createMask, type Mask } from './masking/mask.js';
import { partMask } from './masking/mask-parts.js';
import { outcomeOfError } from './outcome-of-error.js';
import { copyOutput, emptyOutput, OutputCollector, type OutputState, type PartFilter } from './output.js';
import { copyPipes, feedPipes, type Piping } from './pipes.js';
import type { Execution, ExecutorParts, Run } from './run.js';
import type { SecretValues } from './secrets.js';

/** Of a job that never ran. */
export const noOutput: OutputFacts = { stdoutBytes: 0, stderrBytes: 0, flaw: undefined };

/** How long the rest of the output may take after the container has ended, beside the time in which it is being stored. */
const drainMs = 30_000;

/** What records and stops a job whose container was started. */
export type StartedRun = Pick<Run, 'recorder' | 'stop' | 'input'> & { readonly job: { readonly id: string } };

export interface Following extends Piping {
  readonly running: RunningContainer;
  readonly filter: PartFilter;
  /** What is already stored of the output. */
  readonly from: OutputState;
  readonly limits: TimeLimits;
  /** Between the stop signal and SIGKILL. */
  readonly stopGraceMs: number;
  /** It has ports that are published. */
  readonly publishes: boolean;
  /** Its program has a standard input. */
  readonly stdin: boolean;
  /** What is left of the job's run time; undefined for a container that has ended. */
  readonly timeMs: number | undefined;
}

/** Starts the container, unless a stop was requested meanwhile, and follows it to its end. */
export async function runToEnd(
  run: Run,
  {
    container,
    secrets,
    login,
    options,
    parts,
  }: {
    container: PreparedContainer;
    secrets: SecretValues;
    /** What is revoked where it is wanted that a printed secret becomes worthless. */
    login: AsyncDisposable | undefined;
    options: ContainerOptions;
    parts: ExecutorParts;
  },
): Promise<Execution> {
  const mask = await jobMask(secrets, parts);
  run.stop.check();
  await run.recorder.running(mask.unmasked);
  try {
    const running = await container.start();
    run.recorder.started();
    await failpoint('after-start');
    const pipeFilter = () => partMask(mask);
    const filter = discard(options.output ?? {}, pipeFilter());
    const limits = timeLimits(options, parts.options);
    const publishes = (options.ports ?? []).length > 0;
    const { stopGraceMs = parts.options.stopGraceMs } = options;
    const { stdin = false } = options;
    const onFound = whenFound({ recorder: run.recorder, login, revokes: parts.options.revokesPrinted });
    const following = { running, filter, pipeFilter, onFound, limits, stopGraceMs, publishes, stdin, parts };
    return await followToEnd(run, { ...following, from: emptyOutput, timeMs: limits.runTimeMs });
  } catch (error) {
    return { outcome: outcomeAfterStart(error, run, parts), output: noOutput };
  }
}

/** Masks a job's secrets in its output, unless masking is switched off. */
export function jobMask(secrets: SecretValues, { options }: ExecutorParts): Promise<Mask> {
  return createMask(options.maskOutput ? secrets : new Map());
}

/** Copies the output until the container has ended, stops it when requested, and returns how it ended. */
export async function followToEnd(started: StartedRun, given: Following): Promise<Execution> {
  const { run, following, isStoring } = watchStoring(started, given);
  const { from, timeMs, parts } = following;
  const { options } = parts;
  const collector = new OutputCollector(
    (chunk) => run.recorder.append(chunk),
    options.outputLimitBytes,
    from,
  );
  const copying = [copyFrom(run, following, collector), copyPipes(run, following)];
  const publishing = following.publishes ? recordPorts(run, following.running) : undefined;
  if (timeMs !== undefined) run.stop.limit(timeMs);
  const stopping = stopWhenRequested(run, following.running, following.stopGraceMs);
  using _ = watchAndFeed(run, following);
  const outcome = await waitForEnd(run, following);
  const flaw = await flawOf(copying, isStoring);
  stopping.release();
  await publishing;
  if (run.stop.reason === 'fenced') throw new FencedError('The claim was lost while the job ran.');
  return { outcome, output: { ...collector.totals, flaw } };
}

/** The first is the one that is told. An engine may never end a stream; what waits for Postgres is there. */
async function flawOf(
  copying: readonly Promise<string | undefined>[],
  isStoring: () => boolean,
): Promise<string | undefined> {
  const flaws = Promise.all(copying);
  for (;;) {
    const found = await within(drainMs, flaws, undefined);
    if (found !== undefined) return found.find((flaw) => flaw !== undefined);
    if (!isStoring()) return 'output_not_drained';
  }
}

/** Counts what is being stored of the output at the moment. */
function watchStoring(run: StartedRun, following: Following) {
  let count = 0;
  const counted =
    <Args extends unknown[]>(store: (...args: Args) => Promise<void>) =>
    async (...args: Args) => {
      count++;
      try {
        await store(...args);
      } finally {
        count--;
      }
    };
  const { append, appendPipe } = run.recorder;
  const recorder = { ...run.recorder, append: counted(append), appendPipe: counted(appendPipe) };
  const onFound = counted(following.onFound);
  return { run: { ...run, recorder }, following: { ...following, onFound }, isStoring: () => count > 0 };
}

function watchAndFeed(run: StartedRun, following: Following): Disposable {
  const { running, limits, stdin } = following;
  const parts = [
    watchCpuTime(running, limits.cpuTimeMs, run.stop),
    feedInput(running, stdin ? run.input?.() : undefined),
    ...feedPipes(run, following),
  ];
  return {
    [Symbol.dispose]: () => {
      for (const part of parts) part[Symbol.dispose]();
    },
  };
}

/** Only told to clients: an engine that does not say it, or a claim that is lost, is seen elsewhere. */
async function recordPorts(run: StartedRun, running: RunningContainer): Promise<void> {
  try {
    const ports = await running.ports();
    if (ports.length > 0) await run.recorder.published(ports);
  } catch {
    return;
  }
}

/**
 * Resolves to the flaw of the output, or to undefined. A lost claim stops the job: another node decides about it now.
 */
async function copyFrom(
  run: StartedRun,
  { running, filter, onFound }: Following,
  collector: OutputCollector,
): Promise<string | undefined> {
  try {
    await copyOutput(running.output, filter, collector, onFound).finally(() => collector.end());
    return filter.flaw;
  } catch (error) {
    if (error instanceof FencedError) run.stop.request('fenced');
    return error instanceof BrokenError ? `output_${error.code}` : 'output_broken';
  }
}

/** How long a stop waits to be recorded: an unavailable Postgres must not keep a container running. */
const recordingMs = 1_000;

/** Records a requested stop, then carries it out. `waitForEnd` sees the end itself. */
function stopWhenRequested(
  run: StartedRun,
  running: RunningContainer,
  graceMs: number,
): { release: () => void } {
  const carryOut = async () => {
    const recorded = run.recorder.stopping(run.stop.reason ?? 'kill').catch(() => undefined); // Nor must a lost claim.
    await within(recordingMs, recorded, undefined);
    await running.stop(graceMs).catch(() => undefined); // The container is removed by force in any case.
  };
  const onAbort = () => void carryOut();
  if (run.stop.signal.aborted) onAbort();
  else run.stop.signal.addEventListener('abort', onAbort, { once: true });
  return { release: () => run.stop.signal.removeEventListener('abort', onAbort) };
}

/** Returns an outcome even after an error, so that the caller waits for the remaining output in any case. */
async function waitForEnd(run: StartedRun, { running, limits, parts }: Following): Promise<Outcome> {
  try {
    const exit: Exit = await running.wait();
    await failpoint('after-exit');
    const stopped = run.stop.reason;
    return { kind: 'ended', exit, stopped, limitMs: limitBehind(stopped, limits) };
  } catch (error) {
    return outcomeAfterStart(error, run, parts);
  }
}

/** After the start, an engine that does not answer makes the job lost: not failed, not postponed, never succeeded. */
export function outcomeAfterStart(error: unknown, run: StartedRun, parts: ExecutorParts): Outcome {
  if (error instanceof BrokenError) return { kind: 'vanished', message: error.message };
  return outcomeOfError(error, run, parts);
}

async function within<T>(ms: number, work: Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
