// Finds out what a program lacks that exists and that the system calls missing: its interpreter or its loader.
import { posix } from 'node:path';
import type { LinkedFile } from '../image/linked-file.js';
import { readLoader } from './elf.js';

/** Enough of a file for its first line, or for the headers of a program. */
export const headBytes = 4096;
/** Linux reads no more of a first line. */
const longestFirstLine = 256;
/** An interpreter may be a script itself. */
const mostInterpreters = 4;

/** What lies at a path in the container, of a file its first `headBytes`; undefined where nothing does. */
export type LookAt = (path: string) => Promise<LinkedFile['entry'] | undefined>;

export interface Program {
  readonly name: string;
  readonly workingDirectory: string;
  /** Of the container's environment; undefined where it has none. */
  readonly path: string | undefined;
}

/** `program`: it is not there itself. `part`: `why` completes "it is there, but …". */
export type Missing =
  | { readonly kind: 'program' | 'unknown' }
  | { readonly kind: 'part'; readonly why: string };

export async function findMissing(look: LookAt, program: Program): Promise<Missing> {
  for (const path of placesOf(program)) {
    const entry = await look(path);
    if (entry?.kind !== 'file') continue;
    const why = await explain(look, entry.bytes, program);
    return why === undefined ? { kind: 'unknown' } : { kind: 'part', why };
  }
  return { kind: 'program' };
}

/** What the engine gives a container whose image names none. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function placesOf({ name, workingDirectory, path = defaultPath }: Program): string[] {
  const at = (directory: string) => posix.resolve('/', workingDirectory, directory, name);
  return name.includes('/') ? [at('')] : path.split(':').map(at);
}

async function explain(look: LookAt, file: Buffer, program: Program): Promise<string | undefined> {
  let head = file;
  for (let step = 0; step < mostInterpreters; step++) {
    const needed = readInterpreter(head) ?? readLoader(head);
    if (needed === undefined || needed === '') return undefined;
    const isScript = head[0] === hash;
    if (isScript && needed.endsWith('\r')) return windowsLineEnds;
    const entry = await look(posix.resolve('/', program.workingDirectory, needed));
    if (entry === undefined) return lacks(needed, isScript);
    if (entry.kind !== 'file') return undefined;
    head = entry.bytes;
  }
  return undefined;
}

const hash = '#'.charCodeAt(0);

/** The word behind `#!`. */
function readInterpreter(head: Buffer): string | undefined {
  const [line = ''] = head.subarray(0, longestFirstLine).toString('latin1').split('\n');
  return /^#![ \t]*([^ \t]+)/.exec(line)?.[1];
}

const windowsLineEnds =
  'its lines end as Windows writes them (CR LF), so the name of its interpreter ends in a carriage return. Save it with Unix line ends (`dos2unix`)';

function lacks(needed: string, isScript: boolean): string {
  const name = JSON.stringify(needed.slice(0, 200));
  if (isScript) return `the image does not have the interpreter ${name} that its first line names`;
  return `the image does not have the loader ${name} that it was built for. Use a program that was built for this image, or a static one`;
}
