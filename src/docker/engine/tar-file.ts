// Reads the single file in a tar that an engine sends.
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';

/** The file exceeds the limit of the caller. */
export class FileTooLarge extends Error {}

/** Undefined when the tar holds a directory or a link instead of a file. Throws `FileTooLarge`. */
export async function readOnlyFile(tar: Readable, largestBytes: number): Promise<Buffer | undefined> {
  const reader = extract();
  tar.once('error', (error) => reader.destroy(error));
  tar.pipe(reader as unknown as NodeJS.WritableStream); // A writable stream, though the library's types do not say so.
  try {
    for await (const source of reader) {
      if (source.header.type !== 'file') return undefined;
      if (source.header.size > largestBytes) throw new FileTooLarge();
      const chunks: Uint8Array[] = [];
      for await (const chunk of source as AsyncIterable<Uint8Array>) chunks.push(chunk);
      return Buffer.concat(chunks);
    }
    return undefined;
  } finally {
    tar.destroy();
  }
}
