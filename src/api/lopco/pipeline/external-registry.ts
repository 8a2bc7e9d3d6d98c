// Reads documents of a registry that is not kept here, as LOPCO's own services serve them.

import type { RegistryDocument, RegistryKind } from '../../../queue/registry.js';
import { isObject } from '../../request/readers.js';
import type { ExternalRegistries } from '../options.js';

/** `unavailable`: it may answer another time. `invalid`: it answers something that is no document. */
export type Found = { readonly document: RegistryDocument } | 'missing' | 'invalid' | 'unavailable';

/** Whoever waits for a registry holds up the other jobs of the node. */
const longestWaitMs = 2_000;
const longestBytes = 1024 * 1024;
const folderOf: Readonly<Record<RegistryKind, string>> = { machine: 'machines', pipeline: 'pipelines' };

/** Undefined: this registry is kept here. Never throws. */
export async function readExternal(
  registries: ExternalRegistries,
  kind: RegistryKind,
  id: string,
): Promise<Found | undefined> {
  const base = registries[kind];
  if (base === undefined) return undefined;
  if (id === '.' || id === '..') return 'missing'; // As a part of a path they would lead elsewhere.
  try {
    return await ask(`${base}/${folderOf[kind]}/${encodeURIComponent(id)}`);
  } catch {
    return 'unavailable';
  }
}

/** An operator names one address: a redirect to another one is not followed. */
async function ask(address: string): Promise<Found> {
  const signal = AbortSignal.timeout(longestWaitMs);
  const response = await fetch(address, { redirect: 'manual', signal });
  if (response.status === 200) return await readDocument(response);
  await response.body?.cancel();
  return response.status === 404 ? 'missing' : 'unavailable';
}

async function readDocument(response: Response): Promise<Found> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > longestBytes) return 'invalid';
    pieces.push(piece);
  }
  return parse(Buffer.concat(pieces).toString());
}

function parse(text: string): Found {
  try {
    const document: unknown = JSON.parse(text);
    return isObject(document) ? { document } : 'invalid';
  } catch {
    return 'invalid';
  }
}
