// The programs that pack trees for people, each in every format that it writes.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeTree, type TreeKind } from './tree.js';

const here = import.meta.dirname;

/** One program and one of its formats. */
export interface Packing extends TreeKind {
  readonly name: string;
  /** How one asks the program whether it is there. */
  readonly probe: readonly string[];
  /** Run by a shell in the folder to be packed, with `$OUT` naming a file that is not there yet. */
  readonly command: string;
}

const gnu = ['v7', 'oldgnu', 'gnu', 'ustar', 'posix'].map((format) =>
  packing(`GNU tar, ${format}`, ['tar', '--version'], `tar -c --format=${format} -f "$OUT" .`),
);

/** Its own ways beyond the formats: holes left out, absolute names, a label, lists of directories, the tree twice. */
const gnuWays = [
  ['sparse, gnu', '--format=gnu --sparse'],
  ['sparse, posix 0.0', '--format=posix --sparse --sparse-version=0.0'],
  ['sparse, posix 0.1', '--format=posix --sparse --sparse-version=0.1'],
  ['sparse, posix 1.0', '--format=posix --sparse --sparse-version=1.0'],
  ['absolute names', '--absolute-names --transform=s,^[.],,RH'],
  ['volume label', '--label=backup'],
  ['incremental', '--incremental'],
].map(([name, flags]) => packing(`GNU tar, ${name}`, ['tar', '--version'], `tar -c ${flags} -f "$OUT" .`));

const appended = packing(
  'GNU tar, the tree twice',
  ['tar', '--version'],
  'tar -c -f "$OUT" . && tar -r -f "$OUT" .',
);

const bsd = ['v7', 'ustar', 'pax', 'gnutar', 'paxr'].map((format) =>
  packing(
    `bsdtar, ${format}`,
    ['bsdtar', '--version'],
    `bsdtar -c ${format === 'paxr' ? '' : `--format=${format}`} -f "$OUT" .`,
  ),
);

const go = ['any', 'ustar', 'pax', 'gnu'].map((format) =>
  packing(`Go, ${format}`, ['go', 'version'], `go run ${here}/pack.go "$PWD" ${format} >"$OUT"`),
);

const python = ['ustar', 'gnu', 'pax'].map((format) =>
  packing(`Python, ${format}`, ['python3', '--version'], `python3 ${here}/pack.py . ${format} >"$OUT"`),
);

const node = packing('tar-stream', ['node', '--version'], `node ${here}/pack.mjs . >"$OUT"`);

const others = [
  packing('7-Zip, gnu', ['7z'], '7z a -bso0 -ttar -snl -snh -mm=gnu "$OUT.tar" . && mv "$OUT.tar" "$OUT"'),
  packing('7-Zip, pax', ['7z'], '7z a -bso0 -ttar -snl -snh -mm=pax "$OUT.tar" . && mv "$OUT.tar" "$OUT"'),
  packing('cpio, ustar', ['cpio', '--version'], 'find . | cpio --quiet -o -H ustar >"$OUT"'),
  packing('cpio, tar', ['cpio', '--version'], 'find . | cpio --quiet -o -H tar >"$OUT"'),
  packing('pax, ustar', ['pax', '--version'], 'pax -w -x ustar -f "$OUT" .'),
  packing('busybox', ['busybox'], 'busybox tar -c -f "$OUT" .'),
];

/** All of them. */
export const packings: readonly Packing[] = [
  ...gnu,
  ...gnuWays,
  appended,
  ...bsd,
  ...go,
  ...python,
  node,
  ...others,
];

/** The oldest formats have no room for long names, and Go writes none but ASCII in one of its own. */
function packing(name: string, probe: readonly string[], command: string): Packing {
  return { name, probe, command, longName: !/ v7$|cpio, tar$/.test(name), umlaut: name !== 'Go, ustar' };
}

/** What the program says of its version. */
export function versionOf({ probe: [program = '', ...rest] }: Packing): string {
  const said = spawnSync(program, rest, { encoding: 'utf8' });
  if (said.status !== 0) return program; // It knows no such option.
  return /\S.*/.exec(`${said.stdout}${said.stderr}`)?.[0].trim() ?? '';
}

/** Whether the program is on this machine. */
export function isHere({ probe: [program = '', ...rest] }: Packing): boolean {
  return spawnSync(program, rest, { stdio: 'ignore' }).error === undefined;
}

/** Packs the tree anew and returns the archive, compressed. */
export async function pack({ command, ...kind }: Packing): Promise<Buffer> {
  const root = await mkdtemp(join(tmpdir(), 'stint-tree-'));
  const out = join(await mkdtemp(join(tmpdir(), 'stint-packed-')), 'packed');
  try {
    await makeTree(root, kind);
    const env = { ...process.env, OUT: out, LC_ALL: 'C.UTF-8', GO111MODULE: 'off' };
    const { status, stderr } = spawnSync('sh', ['-ec', command], { cwd: root, env, encoding: 'utf8' });
    if (status !== 0 || !existsSync(out))
      throw new Error(`Expected \`${command}\` to pack a tree, got ${status}: ${stderr}.`);
    return compressed(await readFile(out));
  } finally {
    await rm(root, { recursive: true });
    await rm(join(out, '..'), { recursive: true });
  }
}

function compressed(archive: Buffer): Buffer {
  return archive[0] === 0x1f ? archive : gzipSync(archive, { level: 9 });
}
