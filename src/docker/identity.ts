// Derives the installation id and the tag key of our containers from the shared key.
import { hkdfSync } from 'node:crypto';
import type { ContainerSettings } from './container/container.js';

/**
 * An id for the labels and a key for the tags, both derived from the key that all nodes of one installation share, so
 * that no further setting is needed. Neither reveals anything about that key.
 */
export function identityOf(sharedKey: Uint8Array): Pick<ContainerSettings, 'installation' | 'tagKey'> {
  return {
    installation: Buffer.from(derive(sharedKey, 'stint installation', 8)).toString('hex'),
    tagKey: derive(sharedKey, 'stint container tag', 32),
  };
}

function derive(key: Uint8Array, purpose: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, '', purpose, bytes));
}
