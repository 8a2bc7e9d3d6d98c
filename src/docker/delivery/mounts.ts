// Resolves what a job mounts from this host, so that no link leads out of what the operator allows.
import { realpath } from 'node:fs/promises';
import type { Mount } from '../../job/options/options.js';
import { type AllowedMount, isMountAllowed } from '../../job/options/policy.js';
import { startFailed } from '../program/start-errors.js';

/**
 * The mounts with the real paths of their sources. The engine follows links on its own, so the path that is left after all
 * links must be allowed too. Whoever may write below an allowed path could still exchange a directory between this check
 * and the start: allow `:rw` only where all who may write are trusted.
 *
 * Throws `JobFailedError` `mount_missing` or `mount_forbidden`.
 */
export async function resolveMounts(
  mounts: readonly Mount[],
  allowed: readonly AllowedMount[],
): Promise<Mount[]> {
  if (mounts.length === 0) return [];
  const real = await Promise.all(allowed.map(realAllowed));
  return await Promise.all(mounts.map((mount) => resolveMount(mount, real)));
}

/** An allowed path may be a link itself: it is the operator's. */
async function realAllowed(allowed: AllowedMount): Promise<AllowedMount> {
  if (allowed.kind === 'volume') return allowed;
  const source = await realpath(allowed.source).catch(() => allowed.source);
  return { ...allowed, source };
}

async function resolveMount(mount: Mount, allowed: readonly AllowedMount[]): Promise<Mount> {
  if (mount.kind === 'volume') return mount;
  const source = await realpath(mount.source).catch(() => undefined);
  if (source === undefined)
    throw startFailed(
      'mount_missing',
      `Could not mount "${mount.source}": there is no such path on the node, and none is created.`,
    );
  const resolved = { ...mount, source };
  if (isMountAllowed(resolved, allowed)) return resolved;
  throw startFailed(
    'mount_forbidden',
    `Could not mount "${mount.source}": a link in it leads out of what the operator allows.`,
  );
}

/** Where files are uploaded instead of bound, they would be written into what is mounted. */
export function refuseMounts(mounts: readonly Mount[]): void {
  if (mounts.length === 0) return;
  throw startFailed(
    'mounts_unsupported',
    'Could not mount anything: the engine of this node does not share its files, so nothing on this host can be checked.',
  );
}
