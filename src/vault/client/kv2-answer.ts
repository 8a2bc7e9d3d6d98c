// Says what an answer of version 2 of the KV engine looks like, and what it tells of a version that is gone.
import { type Fields, isFields } from './shape.js';

/** The frame of version 2. A secret of version 1 may have keys of the same names: this alone decides nothing. */
export interface VersionedData {
  readonly data: Fields | null;
  readonly metadata: Fields;
}

export function looksVersioned(data: unknown): data is VersionedData {
  return isFields(data) && isFields(data.metadata) && (isFields(data.data) || data.data === null);
}

/** A version whose data is no more. What Vault does not tell is undefined. */
export interface GoneVersion {
  readonly version: number | undefined;
  /** Times as ISO 8601 has them, to the second. */
  readonly writtenAt: string | undefined;
  readonly deletedAt: string | undefined;
  /** It cannot be brought back. Vault does not tell since when. */
  readonly isDestroyed: boolean;
}

export function goneVersionOf({ version, ...times }: Fields): GoneVersion {
  return {
    version: Number.isSafeInteger(version) ? (version as number) : undefined,
    writtenAt: timeOf(times.created_time),
    deletedAt: timeOf(times.deletion_time),
    isDestroyed: times.destroyed === true,
  };
}

function timeOf(text: unknown): string | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().replace(/\.\d+/, '');
}
