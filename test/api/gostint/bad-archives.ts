import { gzipSync } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';

/** Contents that are valid base64 but not valid archives. The text is what the refusal must name. */
export const badArchives: readonly (readonly [string, () => Promise<Buffer>, string])[] = [
  ['no archive', async () => Buffer.from('just some text, long enough'), 'content'],
  ['a zip file', async () => Buffer.from('PK\u0003\u0004 and so on'), 'content'],
  ['gzip of no archive', async () => gzipSync('just some text'), 'content'],
  ['a cut archive', async () => (await archiveOf({ name: 'a' })).subarray(0, 60), 'content'],
  ['a way out', () => archiveOf({ name: '../../etc/cron.d/x' }), '../../etc/cron.d/x'],
  ['a link out', () => archiveOf({ name: 'l', type: 'symlink', linkname: '/etc/shadow' }), 'l'],
  ['a hard link', () => archiveOf({ name: 'h', type: 'link', linkname: 'etc/passwd' }), 'h'],
  ['a device', () => archiveOf({ name: 'opt/disk', type: 'block-device', devmajor: 8 }), 'opt/disk'],
  ['a pipe', () => archiveOf({ name: 'opt/pipe', type: 'fifo' }), 'opt/pipe'],
  ['a file in the place of a directory', () => archiveOf({ name: 'etc' }), 'etc'],
  ['something below the kernel’s', () => archiveOf({ name: 'proc/1/mem' }), 'proc/1/mem'],
  [
    'a trap for the secrets',
    () => archiveOf({ name: 'secrets.yml', type: 'symlink', linkname: 'tmp/x' }),
    'secrets.yml',
  ],
];

async function archiveOf(header: Parameters<Pack['entry']>[0]): Promise<Buffer> {
  const archive = pack();
  if (header.type === undefined) archive.entry(header, 'text');
  else archive.entry(header);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}
