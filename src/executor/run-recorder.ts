import type { StopReason } from '../job/outcome.js';
import type { StreamPositions } from './backend.js';

/**
 * What the executor has recorded of a job, each before or right after the action it names. All of them are fenced:
 * they throw `FencedError` when the claim is no longer ours, and `StoppedError` when a kill stands in the way.
 */
export interface RunRecorder {
  /** Before the unwrap, the point of no return. */
  spending(): Promise<void>;
  /** After the login: anybody may now revoke the token by its accessor. */
  tokenTaken(accessor: string): Promise<void>;
  /** Vault confirmed that the job's token is gone. Never throws: the clean-up finds what was not recorded. */
  tokenRevoked(): Promise<void>;
  prepared(facts: { image: string; imageId: string; containerId: string; tty: boolean }): Promise<void>;
  /** Before the start. `unmasked` names the secrets that the output would show, since they are too short to be masked. */
  running(unmasked: readonly string[]): Promise<void>;
  /** Told, not recorded: the container runs, so that from now on a later life of this node could go on with it. */
  started(): void;
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
  /** What the job itself had printed, per stream, when all of it was contained in this chunk and those before it. */
  readonly raw: StreamPositions;
  /** Chunks of the kept tail that give way, both ends included. */
  readonly drop: { readonly from: number; readonly to: number } | undefined;
}
