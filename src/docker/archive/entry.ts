// One entry of a job's content that passed all checks.
import type { EntryKind } from './names.js';

/** Its body must be read to its end, or not at all, before the next entry is requested. */
export interface ArchiveEntry {
  /** Without leading slash, `.` and `..`. */
  readonly path: string;
  readonly kind: EntryKind;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Of a link, relative. */
  readonly target: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}
