import { BrokenError, FencedError } from '../job/errors.js';
import { failpoint } from '../job/failpoint.js';
import type { Exit, Outcome } from '../job/outcome.js';
import type { PreparedContainer, RunningContainer } from './backend.js';
import { namesOfUnmasked } from './masking/mask-forms.js';
import { partMask } from './masking/mask-parts.js';
import { outcomeOfError } from './outcome-of-error.js';
import { copyOutput, emptyOutput, OutputCollector, type OutputState, type PartFilter } from './output.js';
import type { Execution, ExecutorParts, OutputFacts, Run } from './run.js';
import type { SecretValues } from './secrets.js';

/** The facts of a job that never ran. */
export const noOutput: OutputFacts = { stdoutBytes: 0, stderrBytes: 0, flaw: undefined };

/** How long the rest of the output may take after the container has ended. */
const drainMs = 30_000;

/** What steers a job whose container was started. */
export type Steered = Pick<Run, 'recorder' | 'stop'> & { readonly job: { readonly id: string } };

export interface Following {
  readonly running: RunningContainer;
  readonly filter: PartFilter;
  /** What of the output is stored already. */
  readonly from: OutputState;
  /** What is left of the time that the job may take; undefined for one that has ended. */
  readonly timeMs: number | undefined;
  readonly parts: ExecutorParts;
}

/** Starts the container, unless somebody asked for the end meanwhile, and stays with it. */
export async function runToEnd(
  run: Run,
  {
    container,
    secrets,
    parts,
  }: { container: PreparedContainer; secrets: SecretValues; parts: ExecutorParts },
): Promise<Execution> {
  run.stop.check();
  await run.recorder.running(parts.options.maskOutput ? namesOfUnmasked(secrets) : []);
  try {
    const running = await container.start();
    run.recorder.started();
    await failpoint('after-start');
    const filter = jobMask(secrets, parts);
    const timeMs = parts.options.maxRunTimeMs;
    return await followToEnd(run, { running, filter, from: emptyOutput, timeMs, parts });
  } catch (error) {
    return { outcome: outcomeAfterStart(error, run, parts), output: noOutput };
  }
}

/** What hides a job's secrets in its output, where the settings want that. */
export function jobMask(secrets: SecretValues, { options }: ExecutorParts): PartFilter {
  return partMask(options.maskOutput ? secrets : new Map());
}

/** Copies the output until the container has ended, stops it when asked, and says how it ended. */
export async function followToEnd(run: Steered, following: Following): Promise<Execution> {
  const { from, timeMs, parts } = following;
  const { options } = parts;
  const collector = new OutputCollector(
    (chunk) => run.recorder.append(chunk),
    options.outputLimitBytes,
    from,
  );
  const copying = copyFrom(run, following, collector);
  if (timeMs !== undefined) run.stop.limit(timeMs);
  const stopping = stopWhenAsked(run, following.running, options.stopGraceMs);
  const outcome = await waitForEnd(run, following);
  const flaw = await within(drainMs, copying, 'output_not_drained');
  stopping.release();
  if (run.stop.reason === 'fenced') throw new FencedError('The claim was lost while the job ran.');
  return { outcome, output: { ...collector.totals, flaw } };
}

/** Resolves to what spoiled the output, or to undefined. A lost claim stops the job: somebody else decides now. */
async function copyFrom(
  run: Steered,
  { running, filter }: Following,
  collector: OutputCollector,
): Promise<string | undefined> {
  try {
    await copyOutput(running.output, filter, collector).finally(() => collector.end());
    return filter.flaw;
  } catch (error) {
    if (error instanceof FencedError) run.stop.request('fenced');
    return error instanceof BrokenError ? `output_${error.code}` : 'output_broken';
  }
}

/** How long a stop waits to be recorded: a Postgres that is away must not spare a container. */
const recordingMs = 1_000;

/** A kill or a limit: recorded, then carried out. The end itself is seen by `waitForEnd`. */
function stopWhenAsked(run: Steered, running: RunningContainer, graceMs: number): { release: () => void } {
  const carryOut = async () => {
    const recorded = run.recorder.stopping(run.stop.reason ?? 'kill').catch(() => undefined); // Nor does a lost claim.
    await within(recordingMs, recorded, undefined);
    await running.stop(graceMs).catch(() => undefined); // Removal follows in any case, by force.
  };
  const onAbort = () => void carryOut();
  if (run.stop.signal.aborted) onAbort();
  else run.stop.signal.addEventListener('abort', onAbort, { once: true });
  return { release: () => run.stop.signal.removeEventListener('abort', onAbort) };
}

/** Every end is an outcome, so that the output which is still on its way is waited for in any case. */
async function waitForEnd(run: Steered, { running, parts }: Following): Promise<Outcome> {
  try {
    const exit: Exit = await running.wait();
    await failpoint('after-exit');
    return { kind: 'ended', exit, stopped: run.stop.reason, limitMs: parts.options.maxRunTimeMs };
  } catch (error) {
    return outcomeAfterStart(error, run, parts);
  }
}

/** From the start on, an engine that gives no answer leaves the job lost: not failed, not postponed, never succeeded. */
export function outcomeAfterStart(error: unknown, run: Steered, parts: ExecutorParts): Outcome {
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
