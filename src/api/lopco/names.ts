// Makes the id that LOPCO's clients know a job by.

import { createHash } from 'node:crypto';

/** A name, and no proof: two pairs of texts may give the same one, since nothing stands between them. */
export function jobNameOf(machineId: string, hash: string): string {
  return createHash('md5').update(machineId).update(hash).digest('base64url');
}

export function isJobName(text: string): boolean {
  return /^[\w-]{22}$/.test(text);
}
