// Refuses new jobs while the node drains.

import { RefusedError } from '../../job/errors.js';
import type { AppParts } from '../parts.js';

/** Throws `RefusedError` `draining`, which says why and what to do. Called before anything is read of a submit. */
export function refuseWhileDraining({
  isDraining,
  isShuttingDown,
}: Pick<AppParts, 'isDraining' | 'isShuttingDown'>): void {
  if (!isDraining()) return;
  const why = isShuttingDown()
    ? 'this server is being shut down. Send it to another node, or again once it has restarted.'
    : 'this node was drained by an operator. Send it to another node, or undrain this one (POST /stint/v1/nodes/{id}/undrain).';
  throw new RefusedError('draining', `Could not take the job: ${why}`);
}
