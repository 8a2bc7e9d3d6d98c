import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { extract, type Header, type Pack, pack } from 'tar-stream';

/** One entry of a test archive, by default a file. Nothing is checked, so that it may be hostile. */
export type ArchiveItem = Partial<Header> & { readonly name: string; readonly body?: string | Uint8Array };

/** Packs entries into a plain tar as they are, unchecked. */
export async function tarOf(items: readonly ArchiveItem[]): Promise<Buffer> {
  const tar = pack();
  for (const { body = '', ...header } of items) await addItem(tar, header, Buffer.from(body));
  tar.finalize();
  return await buffer(tar as unknown as AsyncIterable<Uint8Array>);
}

function addItem(tar: Pack, header: Header | ArchiveItem, body: Buffer): void {
  const isFile = header.type === undefined || header.type === 'file';
  if (isFile) tar.entry({ mtime: new Date(0), ...header }, body);
  else tar.entry({ mtime: new Date(0), size: 0, ...header });
}

/** The same, compressed as GoStint's clients send it. */
export async function tarGzOf(items: readonly ArchiveItem[]): Promise<Buffer> {
  return gzipSync(await tarOf(items));
}

/** The files of a plain tar, by name. */
export async function filesOf(tar: Buffer): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader)
    files[entry.header.name] = await buffer(entry as AsyncIterable<Uint8Array>);
  return files;
}
