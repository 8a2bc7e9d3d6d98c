// Continues a job whose container the previous process of this node started.
import type { ContainerOptions } from '../job/options/options.js';
import type { Outcome, OutputFacts } from '../job/outcome.js';
import type { AdoptedContainer } from './backend.js';
import { followToEnd, jobMask, outcomeAfterStart } from './follow.js';
import type { JobInput } from './input.js';
import { type TimeLimits, timeLimits } from './limits.js';
import { discard } from './masking/discard.js';
import { type OnFound, whenFound } from './masking/found.js';
import { partMask } from './masking/mask-parts.js';
import type { OutputState, PartFilter } from './output.js';
import type { PipeStates } from './pipes.js';
import type { Execution, ExecutorParts } from './run.js';
import type { RunRecorder } from './run-recorder.js';
import { readSecretsFile } from './secrets/secrets-file.js';
import type { SecretValues } from './secrets.js';
import type { Stop } from './stop.js';

/** A job to continue, and what records and stops it. */
export interface ResumedRun {
  readonly job: ResumedJob;
  readonly recorder: RunRecorder;
  readonly stop: Stop;
  /** What is sent to its standard input, or to a pipe of this name. */
  readonly input?: ((pipe?: string) => JobInput) | undefined;
  /** What is stored of its output. Read after the new claim, so that no other process still writes. */
  readonly output: OutputState;
  readonly pipes?: PipeStates;
}

export interface ResumedJob {
  readonly id: string;
  readonly queue: string | null;
  /** The fence in the container's name. */
  readonly containerFence: number;
  readonly tokenAccessor: string | null;
  /** Its token belongs to its parent. */
  readonly sharesLogin: boolean;
  readonly options: ContainerOptions;
}

/**
 * Starts nothing again: if the container is gone, the job is lost. Failures are returned as outcomes; it throws only
 * `FencedError`.
 */
export async function resume(run: ResumedRun, parts: ExecutorParts): Promise<Execution> {
  try {
    return await resumeJob(run, parts);
  } catch (error) {
    return {
      outcome: outcomeAfterStart(error, run, parts),
      output: storedFacts(run, 'output_engine_unavailable'),
    };
  }
}

/** The second half of the recipe. At the end the container is removed first, then the token is revoked. */
async function resumeJob(run: ResumedRun, parts: ExecutorParts): Promise<Execution> {
  const { id: jobId, containerFence: fence, tokenAccessor: accessor } = run.job;
  const { pipes = [] } = run.job.options;
  const container = await parts.backend.adopt({ jobId, fence, pipes });
  const secrets = container && secretsOf(container);
  const onRevoked = (renewals?: number) => run.recorder.tokenRevoked(renewals);
  const token = secrets?.get('TOKEN');
  const login =
    run.job.sharesLogin && token !== undefined
      ? parts.secrets.join(token, 'own')
      : parts.secrets.adopt({ token, accessor }, { onRevoked });
  try {
    const revokes = parts.options.revokesPrinted && !run.job.sharesLogin;
    const onFound = whenFound({ recorder: run.recorder, login, revokes });
    return await followAdopted(run, { container, secrets, onFound, parts });
  } finally {
    await login[Symbol.asyncDispose]();
  }
}

/** Undefined when they cannot be known. */
function secretsOf({ hasSecretsFile, secrets }: AdoptedContainer): SecretValues | undefined {
  if (!hasSecretsFile) return new Map();
  return secrets && readSecretsFile(secrets);
}

interface Found {
  readonly container: AdoptedContainer | undefined;
  readonly secrets: SecretValues | undefined;
  readonly onFound: OnFound;
  readonly parts: ExecutorParts;
}

async function followAdopted(
  run: ResumedRun,
  { container: found, secrets, onFound, parts }: Found,
): Promise<Execution> {
  await using container = found;
  if (container === undefined) return { outcome: containerGone, output: storedFacts(run, 'container_gone') };
  const running = container.resume(run.output.raw ?? { stdout: 0, stderr: 0 });
  const pipeFilter = await maskOrWithhold(secrets, parts);
  const filter = discard(run.job.options.output ?? {}, filterOf(run, pipeFilter));
  const limits = timeLimits(run.job.options, parts.options);
  const timeMs = timeLeft(container, limits);
  const publishes = (run.job.options.ports ?? []).length > 0;
  const { stopGraceMs = parts.options.stopGraceMs } = run.job.options;
  const { stdin = false } = run.job.options;
  const following = {
    running,
    filter,
    pipeFilter,
    onFound,
    from: run.output,
    ...(run.pipes !== undefined && { pipesFrom: run.pipes }),
    limits,
    stopGraceMs,
    publishes,
    stdin,
    timeMs,
    parts,
  };
  return await followToEnd(run, following);
}

const containerGone: Outcome = {
  kind: 'vanished',
  message:
    'Could not learn how the job ended: after the restart of its node its container was gone. Somebody may have removed it.',
};

/** Only what was stored before; later output is not known. */
function storedFacts({ output: { raw } }: ResumedRun, flaw: string): OutputFacts {
  return { stdoutBytes: raw?.stdout ?? 0, stderrBytes: raw?.stderr ?? 0, flaw };
}

/** Without a position it is not known which output is new. */
function filterOf(run: ResumedRun, filter: () => PartFilter): PartFilter {
  return run.output.raw === undefined ? withhold('position_unknown') : filter();
}

/** Without the secrets no output may be shown. */
async function maskOrWithhold(
  secrets: SecretValues | undefined,
  parts: ExecutorParts,
): Promise<() => PartFilter> {
  if (secrets === undefined && parts.options.maskOutput) return () => withhold('secrets_unknown');
  const mask = await jobMask(secrets ?? new Map(), parts);
  return () => partMask(mask);
}

/** Counts the output and passes nothing on. */
function withhold(flaw: string): PartFilter {
  const held = { stdout: 0, stderr: 0 };
  return {
    push: ({ stream, bytes }) => {
      held[stream] += bytes.length;
      return { stream, bytes: new Uint8Array() };
    },
    held: (stream) => held[stream],
    end: () => [],
    get flaw() {
      return held.stdout + held.stderr > 0 ? flaw : undefined;
    },
  };
}

/**
 * The time limit also ran while no process watched. A container that ended meanwhile has no limit: its run time is not
 * judged.
 */
function timeLeft({ ranMs, hasEnded }: AdoptedContainer, { runTimeMs }: TimeLimits): number | undefined {
  return hasEnded ? undefined : Math.max(0, runTimeMs - ranMs);
}
