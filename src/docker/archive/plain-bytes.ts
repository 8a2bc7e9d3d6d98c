// Unpacks an archive, compressed or not, into a stream of plain bytes.
import { setImmediate } from 'node:timers/promises';
import type { ByteReader } from '../tar/byte-reader.js';
import { gunzip, isGzip } from '../tar/gzip.js';

const sliceBytes = 64 * 1024;

/** `onChunk` is called with each chunk before it is yielded, and may throw. */
export async function* plainBytes(
  content: Uint8Array,
  onChunk: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of isGzip(content) ? gunzip(content) : slices(content)) {
    onChunk(chunk);
    yield chunk;
    await setImmediate(); // Lets other work run: 64 KiB may be 128 entries, and several chunks may be there at once.
  }
}

function* slices(content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.byteLength; at += sliceBytes) yield content.subarray(at, at + sliceBytes);
}

/**
 * Reads everything after the end mark and ignores it, as other programs do. It must be read all the same, because the
 * checksum of the compressed bytes comes last.
 */
export async function readRest(reader: ByteReader): Promise<void> {
  while ((await reader.some(sliceBytes)) !== undefined);
}
