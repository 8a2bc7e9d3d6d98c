// The data that the checker reads: what clients, database, engines and Vault recorded of one chaos run.

/**
 * Everything that was recorded of one run, by sources that do not know of each other. All times are milliseconds since 1970,
 * by the clock of the one machine that everything runs on.
 */
export interface History {
  readonly accepted: readonly Accepted[];
  readonly doubtful: readonly DoubtfulPost[];
  readonly refusals: readonly Refusal[];
  readonly jobs: readonly StoredJob[];
  readonly engine: readonly EngineEvent[];
  readonly faults: readonly Injected[];
  /** Nodes that ended by themselves. */
  readonly deaths: readonly string[];
  readonly left: LeftBehind;
  /** In the order of Vault's audit log. */
  readonly vault: readonly VaultOperation[];
  /** A value that no job's output may contain. */
  readonly secret: string;
}

/** A submit that was answered with success, as its client knows it. */
export interface Accepted {
  readonly id: string;
  readonly queue: string;
  readonly nonce: string;
  /** The token that wraps its SecretID. */
  readonly wrappingToken: string;
  readonly expected: Expected;
  readonly postedAt: number;
  readonly acceptedAt: number;
}

/** A submit without an answer, or with one that does not say whether the job was accepted. */
export interface DoubtfulPost {
  readonly queue: string;
  readonly wrappingToken: string;
}

/** An answer that refuses a client who did nothing wrong (4xx). */
export interface Refusal {
  readonly text: string;
  readonly at: number;
  readonly to: number;
}

/** How such a job ends without faults. */
export interface Expected {
  readonly kind: string;
  readonly state: 'succeeded' | 'failed' | 'canceled';
  readonly exitCode: number;
  /** All that it prints between its first and its last line; undefined where that is not known beforehand. */
  readonly body: string | undefined;
}

/** A job's row, its output and its events. */
export interface StoredJob {
  readonly id: string;
  readonly seq: number;
  readonly queue: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly code: string | undefined;
  readonly exitCode: number | undefined;
  readonly submittedAt: number;
  readonly finishedAt: number | undefined;
  readonly killRequested: boolean;
  readonly outputComplete: boolean;
  readonly output: string;
  readonly events: readonly StoredEvent[];
}

export interface StoredEvent {
  readonly kind: string;
  readonly at: number;
}

/** What an engine reported of a job's container. */
export interface EngineEvent {
  readonly engine: string;
  readonly action: 'create' | 'start' | 'die' | 'destroy';
  readonly jobId: string;
  readonly containerId: string;
  readonly exitCode: number | undefined;
  readonly at: number;
}

/** A fault and for how long it lasted. */
export interface Injected {
  readonly kind: string;
  readonly target: string;
  readonly from: number;
  readonly to: number;
}

/** What still exists when all jobs have ended: nothing should. */
export interface LeftBehind {
  readonly containers: readonly string[];
  readonly hostFiles: readonly string[];
  readonly requestRows: readonly string[];
  /** Accessors of jobs' tokens that Vault still knows. */
  readonly tokens: readonly string[];
}

/** One request to Vault, from its audit log. */
export interface VaultOperation {
  readonly kind: VaultOperationKind;
  readonly at: number;
  /** Vault did what was asked. */
  readonly isDone: boolean;
  /**
   * What it was about. `wrap`, `look up`: the wrapping token. `unwrap`: the accessor of the wrapping token. `log in`: the
   * SecretID. `revoke`: the token's accessor. `destroy`: the SecretID's accessor. All others: the accessor of the token that
   * asked. Empty where Vault does not know it.
   */
  readonly subject: string;
  /** `wrap`: accessors of wrapping token and SecretID. `unwrap`: SecretID and its accessor. `log in`: the token's accessor. */
  readonly gives: readonly string[];
}

/**
 * `revoke self`: with the token itself. `revoke`: by its accessor. `check`: a look-up of the token with itself. `use`:
 * whatever else is done with it.
 */
export type VaultOperationKind =
  | 'wrap'
  | 'look up'
  | 'unwrap'
  | 'log in'
  | 'revoke self'
  | 'revoke'
  | 'destroy'
  | 'read payload'
  | 'check'
  | 'use';
