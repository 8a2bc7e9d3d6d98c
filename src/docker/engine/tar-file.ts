import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';

/** The file is larger than who asked for it can use. */
export class FileTooLarge extends Error {}

/** The one file in a tar as an engine sends it; undefined where it is a directory or a link. Throws `FileTooLarge`. */
export async function readOnlyFile(tar: Readable, largestBytes: number): Promise<Buffer | undefined> {
  const reader = extract();
  tar.once('error', (error) => reader.destroy(error));
  tar.pipe(reader as unknown as NodeJS.WritableStream); // The same thing in another library's types.
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
