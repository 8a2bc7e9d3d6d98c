import type { SpecFields } from '../job/job.js';
import type { Outcome } from '../job/outcome.js';
import type { Secret } from '../job/secret.js';
import type { Backend } from './backend.js';
import type { RunRecorder } from './run-recorder.js';
import type { Secrets, WrappingTokenFacts } from './secrets.js';
import type { Stop } from './stop.js';

/** What the executor stands on; one for the whole process. */
export interface ExecutorParts {
  readonly secrets: Secrets;
  readonly backend: Backend;
  /** Reads the decrypted payload in the words of the door the job came through. Throws `JobFailedError`. */
  readonly readPayload: (json: string) => SpecFields;
  readonly options: ExecutorOptions;
  /** Told of what nobody foresaw: a bug. */
  readonly onBug: (error: unknown, jobId: string) => void;
}

export interface ExecutorOptions {
  readonly stopGraceMs: number;
  readonly maxRunTimeMs: number;
  readonly outputLimitBytes: number;
  readonly maskOutput: boolean;
  /** Added to every job's environment: `VAULT_ADDR` and the like. */
  readonly env: readonly string[];
  /** Adds `VAULT_TOKEN` too, where the engine shows it to whoever may inspect. */
  readonly tokenInEnv: boolean;
}

/** One claimed job and what steers it. */
export interface Run {
  readonly job: ClaimedJob;
  readonly recorder: RunRecorder;
  readonly stop: Stop;
}

export interface ClaimedJob {
  readonly id: string;
  /** The fence of the claim, as text. */
  readonly fence: string;
  readonly queue: string | null;
  /** Unseals what waited with the job. Throws `JobFailedError` when it is not what was stored. */
  readonly open: () => OpenedRequest;
}

export interface OpenedRequest {
  readonly wrappedSecretId: Secret;
  /** What was seen of it when the job was submitted; undefined when Vault had nothing good to say. */
  readonly wrap?: WrappingTokenFacts | undefined;
  /** The payload as the cubbyhole held it; undefined when all fields came in the clear. */
  readonly ciphertext: string | undefined;
  readonly fields: SpecFields;
}

export interface Execution {
  readonly outcome: Outcome;
  readonly output: OutputFacts;
}

/** What is known of a job's output at its end. */
export interface OutputFacts {
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Why bytes may be missing; undefined when all were stored or counted as dropped. */
  readonly flaw: string | undefined;
}
