// What a run of chaos leaves for the checker: plain data, from witnesses that do not know of each other. All times are
// milliseconds since 1970, of the one machine that everything runs on.

/** Everything that was seen of one run. */
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
  /** In Vault's own order. */
  readonly vault: readonly VaultOperation[];
  /** A text that no job's output may hold. */
  readonly secret: string;
}

/** A submit that was answered with success, as its client knows it. */
export interface Accepted {
  readonly id: string;
  readonly queue: string;
  readonly nonce: string;
  /** The token of its wrapped SecretID. */
  readonly wrap: string;
  readonly expected: Expected;
  readonly postedAt: number;
  readonly acceptedAt: number;
}

/** A submit without an answer, or with none that says whether the job was taken. */
export interface DoubtfulPost {
  readonly queue: string;
  readonly wrap: string;
}

/** An answer that blames a client who did nothing wrong. */
export interface Refusal {
  readonly text: string;
  readonly at: number;
  readonly to: number;
}

/** How such a job ends where nothing disturbs it. */
export interface Expected {
  readonly kind: string;
  readonly state: 'succeeded' | 'failed' | 'canceled';
  readonly exitCode: number;
  /** All that it prints between its first and its last line; undefined where that cannot be told. */
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

/** What an engine said of a job's container. */
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

/** What is still there when everything has ended: nothing should be. */
export interface LeftBehind {
  readonly containers: readonly string[];
  readonly hostFiles: readonly string[];
  readonly requestRows: readonly string[];
  /** Accessors of jobs' tokens that Vault still knows. */
  readonly tokens: readonly string[];
}

/** One request to Vault, as its audit log has it. */
export interface VaultOperation {
  readonly kind: VaultOperationKind;
  readonly at: number;
  /** Vault did what was asked. */
  readonly isDone: boolean;
  /**
   * What it was about. A wrap and a look at it: the wrapping token. An unwrap: that one's accessor. A login: the SecretID. A
   * revocation: the token's accessor. A destruction: the SecretID's accessor. Anything else: the accessor of the token that
   * asked. Empty where Vault never knew it.
   */
  readonly subject: string;
  /** A wrap: its accessor, and that of the SecretID in it. An unwrap: SecretID and accessor. A login: the token's accessor. */
  readonly gives: readonly string[];
}

/**
 * A token is given back by itself, and revoked by somebody else. To check it is to ask with it whether it lives; whatever
 * else is done with it is a use.
 */
export type VaultOperationKind =
  | 'wrap'
  | 'look up'
  | 'unwrap'
  | 'log in'
  | 'give back'
  | 'revoke'
  | 'destroy'
  | 'read payload'
  | 'check'
  | 'use';
