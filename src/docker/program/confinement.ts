// What keeps a job's program within its container: capabilities, seccomp, a root that cannot be written.
import { JobFailedError } from '../../job/errors.js';
import { startFailed } from './start-errors.js';

/** What an operator sets for all jobs. Nothing of it can be loosened by a job, or for one. */
export interface Confinement {
  /** Its root file system cannot be written; `/tmp` is in memory. */
  readonly readOnly: boolean;
  /** JSON of a profile; undefined: that of the engine. */
  readonly seccompProfile: string | undefined;
}

export const usualConfinement: Confinement = {
  readOnly: false,
  seccompProfile: undefined,
};

/** The part of the create request that confines. */
export interface ConfinedOptions {
  readonly SecurityOpt: readonly string[];
  readonly CapDrop: readonly ['ALL'];
  readonly CapAdd?: readonly string[];
  readonly ReadonlyRootfs?: true;
}

export function confinedOptions(
  { readOnly, seccompProfile }: Confinement,
  capabilities: readonly string[],
): ConfinedOptions {
  const seccomp = seccompProfile === undefined ? [] : [`seccomp=${seccompProfile}`];
  return {
    SecurityOpt: ['no-new-privileges', ...seccomp],
    CapDrop: ['ALL'],
    ...(capabilities.length > 0 && { CapAdd: capabilities }),
    ...(readOnly && { ReadonlyRootfs: true }),
  };
}

/** Where programs expect to write whatever they run on. The size counts as memory of the job. */
export function temporaryDirectory(
  { readOnly }: Confinement,
  memoryBytes: number,
  taken: readonly string[],
): Readonly<Record<string, string>> {
  if (!readOnly || taken.includes('/tmp')) return {};
  return { '/tmp': `exec,nosuid,nodev,mode=1777,size=${memoryBytes}` };
}

/** The engine lays content over the root, which it refuses where that cannot be written. */
export function refuseContent({ readOnly }: Confinement): void {
  if (!readOnly) return;
  throw new JobFailedError(
    'content_refused',
    'content_not_writable',
    'Not allowed by the operator: content would be written over the root file system, which jobs cannot write here (STINT_JOB_READ_ONLY).',
  );
}

/** Where no file can be bound, secrets and users would have to be written into the root. */
export function refuseUnbound({ readOnly }: Confinement, files: readonly unknown[]): void {
  if (!readOnly || files.length > 0) return;
  throw startFailed(
    'read_only_unsupported',
    'Could not prepare the container: its root file system cannot be written (STINT_JOB_READ_ONLY), and the engine of this node does not share the files of its host.',
  );
}
