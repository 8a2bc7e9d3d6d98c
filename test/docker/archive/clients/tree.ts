// The one tree that every packing program is given, and what must arrive of it.
import { createHash } from 'node:crypto';
import { chmod, link, mkdir, open, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readArchive } from '../../../../src/docker/archive/archive.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../../src/docker/archive/rules.js';

const rules: ArchiveRules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: [] };

/** What one entry came to: its kind, its mode, and the bytes or the target. */
export type Arrived = Readonly<Record<string, string>>;

/** What a tree holds beside what every format can tell. */
export interface TreeKind {
  /** Longer than the 100 bytes that the oldest format has for a name. */
  readonly longName: boolean;
  /** Not in the letters of English. */
  readonly umlaut: boolean;
}

const script = '#!/bin/sh\necho ready\n';
const longName = `${'l'.repeat(90)}/${'m'.repeat(90)}`;
const holeBytes = 1024 * 1024;

/** Makes the tree below an empty directory. */
export async function makeTree(root: string, { longName: hasLongName, umlaut }: TreeKind): Promise<void> {
  await mkdir(join(root, 'bin'));
  await mkdir(join(root, 'data', 'empty'), { recursive: true });
  await writeFile(join(root, 'bin', 'run.sh'), script);
  await link(join(root, 'bin', 'run.sh'), join(root, 'bin', 'same.sh'));
  await symlink('run.sh', join(root, 'bin', 'start'));
  await writeFile(join(root, 'data', textName(umlaut)), 'hello\n');
  await writeHoles(join(root, 'data', 'holes'));
  if (hasLongName) await writeLong(root);
  await setModes(root, textName(umlaut));
}

function textName(umlaut: boolean): string {
  return umlaut ? 'grüße.txt' : 'text.txt';
}

async function writeLong(root: string): Promise<void> {
  const path = join(root, longName);
  await mkdir(join(path, '..'));
  await writeFile(path, 'far\n');
  await chmod(join(path, '..'), 0o755);
  await chmod(path, 0o644);
}

/** More pieces than the first header of the old sparse format has room for. */
async function writeHoles(path: string): Promise<void> {
  await using file = await open(path, 'w');
  for (const at of holePieces) await file.write(`piece ${at}`, at);
  await file.truncate(holeBytes);
}

const holePieces = [65_536, 131_072, 262_144, 393_216, 524_288, 786_432];

function holesText(): string {
  const bytes = Buffer.alloc(holeBytes);
  for (const at of holePieces) bytes.write(`piece ${at}`, at);
  return bytes.toString('latin1');
}

async function setModes(root: string, text: string): Promise<void> {
  const modes: [string, number][] = [
    ['bin', 0o755],
    ['bin/run.sh', 0o750],
    ['data', 0o755],
    ['data/empty', 0o700],
    [`data/${text}`, 0o644],
    ['data/holes', 0o600],
  ];
  for (const [path, mode] of modes) await chmod(join(root, path), mode);
  const time = new Date('2026-01-02T03:04:06Z');
  await utimes(join(root, 'bin', 'run.sh'), time, time);
}

/** What must arrive, whoever packed it. */
export function expectedTree({ longName: hasLongName, umlaut }: TreeKind): Arrived {
  const long = {
    [longName.slice(0, 90)]: 'directory 755',
    [longName]: `file 644 ${digest('far\n')}`,
  };
  return {
    bin: 'directory 755',
    'bin/run.sh': `file 750 ${digest(script)}`,
    'bin/same.sh': `file 750 ${digest(script)}`,
    'bin/start': 'link to run.sh',
    data: 'directory 755',
    'data/empty': 'directory 700',
    [`data/${textName(umlaut)}`]: `file 644 ${digest('hello\n')}`,
    'data/holes': `file 600 ${digest(holesText())}`,
    ...(hasLongName ? long : {}),
  };
}

/** Reads an archive as a job's content is read. */
export async function arrive(content: Uint8Array): Promise<Arrived> {
  const found: Record<string, string> = {};
  for await (const { path, kind, mode, target, body } of readArchive(content, rules)) {
    const text = kind === 'file' ? ` ${digest(await textOf(body))}` : '';
    found[path] = kind === 'link' ? `link to ${target}` : `${kind} ${(mode & 0o777).toString(8)}${text}`;
  }
  return found;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
}

/** Short, so that a difference can be read. */
function digest(text: string): string {
  const hash = createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 12);
  return `${text.length} bytes ${hash}: ${JSON.stringify(text.replaceAll('\0', '').slice(0, 40))}`;
}
