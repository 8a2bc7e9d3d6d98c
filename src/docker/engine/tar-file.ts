// Reads the single file in a tar that an engine sends.
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';

/** The file exceeds the limit of the caller. */
export class FileTooLarge extends Error {}

/** What an engine sends for a path. */
export type FoundEntry =
  /** `bytes` are its first ones, as many as were asked for. */
  | { readonly kind: 'file'; readonly size: number; readonly bytes: Buffer }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'directory' }
  /** What it is, in words. */
  | { readonly kind: 'other'; readonly what: string };

/** Undefined when the tar holds a directory or a link instead of a file. Throws `FileTooLarge`. */
export async function readOnlyFile(tar: Readable, largestBytes: number): Promise<Buffer | undefined> {
  const found = await readEntry(tar, largestBytes);
  if (found?.kind !== 'file') return undefined;
  if (found.size > largestBytes) throw new FileTooLarge();
  return found.bytes;
}

/** The first entry of a tar as an engine sends it; what follows is left unread. Undefined: there is none. */
export async function readEntry(tar: Readable, mostBytes: number): Promise<FoundEntry | undefined> {
  const reader = extract();
  tar.once('error', (error) => reader.destroy(error));
  tar.pipe(reader as unknown as NodeJS.WritableStream); // A writable stream, though the library's types do not say so.
  try {
    for await (const source of reader) {
      const { type, linkname, size = 0 } = source.header;
      if (type === 'symlink') return { kind: 'link', target: linkname ?? '' };
      if (type === 'file')
        return { kind: 'file', size, bytes: await readHead(source as AsyncIterable<Uint8Array>, mostBytes) };
      return type === 'directory'
        ? { kind: type }
        : { kind: 'other', what: kinds[type ?? ''] ?? 'another kind' };
    }
    return undefined;
  } finally {
    tar.destroy();
  }
}

const kinds: Readonly<Record<string, string>> = {
  fifo: 'a FIFO',
  'character-device': 'a device',
  'block-device': 'a device',
};

async function readHead(file: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of file) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= mostBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, mostBytes);
}
