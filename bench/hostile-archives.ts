// Archives that are heavy to check: many entries, long names, extended headers.
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const blockBytes = 512;

/** A tar with one file, as `content` takes it. */
export async function archiveOf(file: Buffer): Promise<string> {
  const tar = pack();
  tar.entry({ name: 'file' }, file);
  tar.finalize();
  return toContent(await buffer(tar));
}

/** Of about this size unpacked; the compressed one has as many entries as are taken. */
export function fillingArchives(bytes: number): (readonly [string, () => Promise<string>])[] {
  return [
    ['content of empty files', () => emptyFiles(bytes, (index) => `d${index % 100}/f${index}`)],
    ['content of long names', () => emptyFiles(bytes, longName)],
    ['content of extended headers', () => emptyFiles(bytes, (index) => `f${index}`, 'x'.repeat(15_000))],
    ['compressed content of empty files', async () => gzipped(99_000)],
    ['content of empty pieces', async () => toContent(Buffer.alloc(bytes, gzipSync('')))],
  ];
}

/** Names that need an extended header each, and as many directories as there may be. */
function longName(index: number): string {
  return `${'n'.repeat(120)}/${'m'.repeat(120)}/${index}`;
}

async function emptyFiles(bytes: number, nameOf: (index: number) => string, comment = ''): Promise<string> {
  const tar = pack();
  const whole = buffer(tar);
  const pax = comment === '' ? {} : { pax: { comment } };
  const each = blockBytes * (nameOf(0).length > 100 ? 3 : 1) + (comment === '' ? 0 : comment.length + 1000);
  for (let index = 0; index < bytes / each - 10; index++) {
    tar.entry({ name: nameOf(index), ...pax }, '');
  }
  tar.finalize();
  return toContent(await whole);
}

async function gzipped(entries: number): Promise<string> {
  const tar = pack();
  const whole = buffer(tar);
  for (let index = 0; index < entries; index++) tar.entry({ name: `d${index % 100}/f${index}` }, '');
  tar.finalize();
  return toContent(gzipSync(await whole));
}

function toContent(archive: Buffer): string {
  return `targz,${archive.toString('base64')}`;
}
