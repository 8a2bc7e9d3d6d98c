// Reads the members of an archive with their bodies, for tests.
import { expect } from 'vitest';
import { ByteReader } from '../../../src/docker/tar/byte-reader.js';
import { readMembers } from '../../../src/docker/tar/members.js';

export const limits = { headerBytes: 4_096, sparseMapBytes: 2_048 };

/** In chunks that fit no block. */
export async function* chunksOf(archive: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.byteLength; at += size) yield archive.subarray(at, at + size);
}

/** All members, bodies as text: the same whether the bytes come in pieces or all at once. */
export async function read(archive: Uint8Array, chunkBytes = 700) {
  const found = await readIn(archive, chunkBytes);
  expect(await readIn(archive, archive.byteLength)).toEqual(found);
  return found;
}

async function readIn(archive: Uint8Array, chunkBytes: number) {
  const found: { name: string; type: string; target: string; sizeBytes: number; text: string }[] = [];
  const reader = new ByteReader(chunksOf(archive, chunkBytes));
  for await (const { name, type, target, sizeBytes, body } of readMembers(reader, limits)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
    found.push({ name, type, target, sizeBytes, text: Buffer.concat(chunks).toString() });
  }
  return found;
}
