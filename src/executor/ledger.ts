import type { StopReason } from '../job/outcome.js';

/**
 * What the executor has recorded of a job, each before or right after the deed it names. All of them are fenced:
 * they throw `FencedError` when the claim is no longer ours, and `StoppedError` when a kill stands in the way.
 */
export interface Ledger {
  /** Before the unwrap, the point of no return. */
  spending(): Promise<void>;
  /** After the login: anybody may now revoke the token by its accessor. */
  tokenTaken(accessor: string): Promise<void>;
  /** Vault confirmed that the job's token is gone. Never throws: the clean-up finds what was not recorded. */
  tokenRevoked(): Promise<void>;
  prepared(facts: { image: string; imageId: string; containerId: string; tty: boolean }): Promise<void>;
  /** Before the start. */
  running(): Promise<void>;
  stopping(why: StopReason): Promise<void>;
  /** Stores a chunk of output durably; resolves when it is. */
  append(chunk: OutputChunk): Promise<void>;
}

export interface OutputChunk {
  readonly seq: number;
  /** Bytes the job printed before this chunk. */
  readonly position: number;
  /** Lengths in the order of arrival, positive for stdout, negative for stderr. */
  readonly runs: readonly number[];
  readonly bytes: Uint8Array;
  /** Chunks of the kept tail that give way, both ends included. */
  readonly drop: { readonly from: number; readonly to: number } | undefined;
}
