import { BrokenError, FencedError } from '../job/errors.js';
import type { Exit, Outcome } from '../job/outcome.js';
import type { PreparedContainer, RunningContainer } from './backend.js';
import type { Execution, ExecutorParts, Run } from './execute.js';
import { partMask } from './mask-parts.js';
import { outcomeOfError } from './outcome-of-error.js';
import { copyOutput, OutputCollector } from './output.js';
import type { SecretValues } from './secrets.js';

/** What is known of a job's output at its end. */
export interface OutputFacts {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Why bytes may be missing; undefined when all were stored or counted as dropped. */
  readonly flaw: string | undefined;
}

/** The facts of a job that never ran. */
export const noOutput: OutputFacts = { stdoutBytes: 0, stderrBytes: 0, flaw: undefined };

/** How long the rest of the output may take after the container has ended. */
const drainMs = 30_000;

interface Following {
  readonly running: RunningContainer;
  readonly secrets: SecretValues;
  readonly parts: ExecutorParts;
}

/** Starts the container, unless somebody asked for the end meanwhile, and stays with it. */
export async function runToEnd(
  run: Run,
  using: { container: PreparedContainer; secrets: SecretValues; parts: ExecutorParts },
): Promise<Execution> {
  run.stop.check();
  await run.ledger.running();
  try {
    const running = await using.container.start();
    return await followToEnd(run, { ...using, running });
  } catch (error) {
    return { outcome: outcomeAfterStart(error, run, using.parts), output: noOutput };
  }
}

/** Copies the output until the container has ended, stops it when asked, and says how it ended. */
async function followToEnd(run: Run, following: Following): Promise<Execution> {
  const { options } = following.parts;
  const collector = new OutputCollector((chunk) => run.ledger.append(chunk), options.outputLimitBytes);
  const copying = copyFrom(run, following, collector);
  run.stop.limit(options.maxRunTimeMs);
  const stopping = stopWhenAsked(run, following.running, options.stopGraceMs);
  const outcome = await waitForEnd(run, following);
  const flaw = await within(drainMs, copying, 'output_not_drained');
  stopping.release();
  if (run.stop.reason === 'fenced') throw new FencedError('The claim was lost while the job ran.');
  return { outcome, output: { ...collector.totals, flaw } };
}

/** Resolves to what spoiled the output, or to undefined. A lost claim stops the job: somebody else decides now. */
async function copyFrom(
  run: Run,
  following: Following,
  collector: OutputCollector,
): Promise<string | undefined> {
  const mask = partMask(following.parts.options.maskOutput ? following.secrets : new Map());
  try {
    await copyOutput(following.running.output, mask, collector);
    await collector.end();
    return undefined;
  } catch (error) {
    if (error instanceof FencedError) run.stop.request('fenced');
    return error instanceof BrokenError ? `output_${error.code}` : 'output_broken';
  }
}

/** A kill or a limit: recorded, then carried out. The end itself is seen by `waitForEnd`. */
function stopWhenAsked(run: Run, running: RunningContainer, graceMs: number): { release: () => void } {
  const carryOut = async () => {
    await run.ledger.stopping(run.stop.reason ?? 'kill').catch(() => undefined); // A lost claim does not spare the container.
    await running.stop(graceMs).catch(() => undefined); // Removal follows in any case, by force.
  };
  const onAbort = () => void carryOut();
  if (run.stop.signal.aborted) onAbort();
  else run.stop.signal.addEventListener('abort', onAbort, { once: true });
  return { release: () => run.stop.signal.removeEventListener('abort', onAbort) };
}

/** Every end is an outcome, so that the output which is still on its way is waited for in any case. */
async function waitForEnd(run: Run, { running, parts }: Following): Promise<Outcome> {
  try {
    const exit: Exit = await running.wait();
    return { kind: 'ended', exit, stopped: run.stop.reason, limitMs: parts.options.maxRunTimeMs };
  } catch (error) {
    return outcomeAfterStart(error, run, parts);
  }
}

/** From the start on, an engine that gives no answer leaves the job lost: not failed, not postponed, never succeeded. */
function outcomeAfterStart(error: unknown, run: Run, parts: ExecutorParts): Outcome {
  if (error instanceof BrokenError) return { kind: 'vanished', message: error.message };
  return outcomeOfError(error, run, parts);
}

async function within(
  ms: number,
  work: Promise<string | undefined>,
  late: string,
): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
