// The types of a run: its parts, its job, its result.
import type { Ciphertext, Door, SpecFields } from '../job/job.js';
import type { PolicyFor } from '../job/options/rules.js';
import type { Outcome, OutputFacts } from '../job/outcome.js';
import type { Secret } from '../job/secret.js';
import type { Backend } from './backend.js';
import type { JobInput } from './input.js';
import type { RunRecorder } from './run-recorder.js';
import type { KeptSecrets } from './secrets/shared-login.js';
import type { Secrets, WrappingTokenFacts } from './secrets.js';
import type { Stop } from './stop.js';

/** The parts of the executor; one of each for the whole process. */
export interface ExecutorParts {
  readonly secrets: Secrets;
  readonly backend: Backend;
  /** Parses the decrypted payload as the door does that took the job; there is one so far. Throws `JobFailedError`. */
  readonly parsePayload: (json: string | Uint8Array) => Promise<SpecFields>;
  readonly options: ExecutorOptions;
  /** Called with an unexpected error, which is a bug. */
  readonly onBug: (error: unknown, jobId: string) => void;
}

export interface ExecutorOptions {
  readonly stopGraceMs: number;
  readonly maxRunTimeMs: number;
  readonly outputLimitBytes: number;
  readonly maskOutput: boolean;
  /** What an image itself says that it needs is read too. */
  readonly imageSecretRefs: boolean;
  /** The login of a job that prints a secret is revoked at once. */
  readonly revokesPrinted: boolean;
  /** The job may have been taken by a node whose operator allows more. */
  readonly policyFor: PolicyFor;
  /** Added to every job's environment: `VAULT_ADDR` and the like. */
  readonly env: readonly string[];
  /** Also adds `VAULT_TOKEN`; everybody who may inspect containers at the engine can then read it. */
  readonly tokenInEnv: boolean;
}

/** One claimed job, and what records and stops it. */
export interface Run {
  readonly job: ClaimedJob;
  readonly recorder: RunRecorder;
  readonly stop: Stop;
  /** What is sent to its standard input, or to a pipe of this name; undefined: nothing is. */
  readonly input?: ((pipe?: string) => JobInput) | undefined;
}

export interface ClaimedJob {
  readonly id: string;
  /** The fence of the claim, as text. */
  readonly fence: string;
  readonly door: Door;
  readonly queue: string | null;
  readonly ownerKey: string;
  /** Unseals the stored request. Throws `JobFailedError` when it was changed since it was stored. */
  readonly open: () => Promise<OpenedRequest>;
  /** Of a child: stores its login with its parent, to which the token belongs from then on. Fenced. */
  readonly keepLogin?: ((kept: KeptSecrets, renewInMs: number | undefined) => Promise<void>) | undefined;
}

export interface OpenedRequest {
  /** Undefined: a job without a Vault identity. */
  readonly wrappedSecretId: Secret | undefined;
  /** What the look-up at submit found; undefined when there was no successful look-up. */
  readonly wrap?: WrappingTokenFacts | undefined;
  /** The payload as read from the cubbyhole; undefined when all fields came in the clear. */
  readonly ciphertext: Ciphertext | undefined;
  readonly fields: SpecFields;
  /** The archive of the request's own content, decoded. */
  readonly content?: Uint8Array | undefined;
  /** Of a child: its login is to be kept for the other children of its parent. */
  readonly sharesLogin?: true | undefined;
  /** Of a parent and of its later children: what was kept of the only login. */
  readonly kept?: KeptSecrets | undefined;
  /** Of a parent: what its door wants of it. */
  readonly plan?: unknown;
  /** What the row of the job was when it was sealed. The executor does not look at it. */
  readonly columns?: { readonly hash: string; readonly image: string | null } | undefined;
}

export interface Execution {
  readonly outcome: Outcome;
  readonly output: OutputFacts;
}
