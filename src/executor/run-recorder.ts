// The contract `RunRecorder`: how the executor records the progress of a run.
import type { SecretRead } from '../job/audit/secret-read.js';
import type { PublishedPort } from '../job/options/options.js';
import type { StopReason } from '../job/outcome.js';
import type { StreamPositions } from './backend.js';

/**
 * Each method is called before or right after the action it names. All are fenced: they throw `FencedError` when the
 * claim is no longer ours, and `StoppedError` when a kill was requested.
 */
export interface RunRecorder {
  /** Before the unwrap, the point of no return. */
  spending(): Promise<void>;
  /** After the login: from now on any node can revoke the token by its accessor. */
  tokenTaken(accessor: string): Promise<void>;
  /** Vault gave these secrets. Not fenced: they were given, whoever has the job now. */
  secretsRead(reads: readonly SecretRead[]): Promise<void>;
  /** Vault confirmed that the job's token is revoked. Never throws: maintenance finds what was not recorded. */
  tokenRevoked(renewals?: number): Promise<void>;
  prepared(facts: {
    image: string;
    imageId: string;
    imageDigest: string | undefined;
    containerId: string;
    tty: boolean;
  }): Promise<void>;
  /**
   * Before the start. `unmasked` names the secrets that the output would show, because they are too short to be masked.
   */
  running(unmasked: readonly string[]): Promise<void>;
  /** The container runs, so the next process of this node could adopt it. Only noted in memory, not recorded. */
  started(): void;
  /** While it runs: the engine may have chosen them. May be repeated. */
  published(ports: readonly PublishedPort[]): Promise<void>;
  stopping(why: StopReason): Promise<void>;
  /**
   * The job printed these secrets, and they were masked. May be repeated: each name is recorded once. `revokes`: its login
   * is revoked because of it.
   */
  masked(found: readonly FoundSecret[], revokes: boolean): Promise<void>;
  /** Stores a chunk of output; resolves when it is durable. */
  append(chunk: OutputChunk): Promise<void>;
  /** The same for what comes through a pipe. */
  appendPipe(name: string, chunk: OutputChunk): Promise<void>;
}

/** A secret that was found in the output, by its name. Never its value. */
export interface FoundSecret {
  readonly name: string;
  /** A stream of the program, or one of its pipes. */
  readonly stream: 'stdout' | 'stderr' | 'pipe';
}

export interface OutputChunk {
  readonly seq: number;
  /** Bytes of output before this chunk. */
  readonly position: number;
  /** Lengths in the order of arrival, positive for stdout, negative for stderr. */
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
  /** How many of the job's own bytes, per stream, this chunk and those before it contain. */
  readonly raw: StreamPositions;
  /** Chunks of the tail to drop, both ends included. */
  readonly drop: { readonly from: number; readonly to: number } | undefined;
}
