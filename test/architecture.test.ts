import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const config = '.oxlintrc.json';

/** A line of the table of folders in ARCHITECTURE.md. */
interface FolderRule {
  /** `job`, or an empty text for `src/` itself. */
  readonly folder: string;
  /** `job`, `executor/backend`, or `everything`. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

async function readTable(): Promise<FolderRule[]> {
  const text = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `src\/(.*?)\/?` \|.*\| (.*?) \| (.*?) \|$/gm)];
  return rows.map(([, folder = '', imports = '', packages = '']) => ({
    folder,
    imports: listOf(imports),
    packages: listOf(packages),
  }));
}

function listOf(cell: string): string[] {
  return cell === 'none' || cell === 'nothing' ? [] : cell.split(', ');
}

async function readDependencies(): Promise<string[]> {
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies);
}

/** One small file, and whether the rule about imports must refuse it. */
interface Sample {
  readonly path: string;
  readonly text: string;
  readonly isRefused: boolean;
}

const importRule = 'eslint(no-restricted-imports)';

/** Writes the samples into a directory with our layout and our rules, and lints them all. */
async function lint(samples: readonly Pick<Sample, 'path' | 'text'>[]): Promise<Map<string, string[]>> {
  const directory = await mkdtemp(join(tmpdir(), 'stint-lint-'));
  try {
    await copyFile(join(root, config), join(directory, config));
    for (const { path, text } of samples) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    return codesByFile(await runLinter(directory));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The linter exits with 1 when it found something, which is expected here. */
function runLinter(directory: string): Promise<string> {
  const args = [join(root, 'node_modules/oxlint/bin/oxlint'), '--format=json'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 2 ** 26 }, (error, stdout) => {
      if (stdout.startsWith('{')) resolve(stdout);
      else reject(error ?? new Error(`Expected JSON from the linter, got ${stdout.slice(0, 200)}`));
    });
  });
}

function codesByFile(report: string): Map<string, string[]> {
  const { diagnostics } = JSON.parse(report) as { diagnostics: { code: string; filename: string }[] };
  const codes = new Map<string, string[]>();
  for (const { code, filename } of diagnostics) codes.set(filename, [...(codes.get(filename) ?? []), code]);
  return codes;
}

const importing = (from: string) => `import { x } from '${from}';\n\nexport const y = x;\n`;

let count = 0;

function sample(folder: string, from: string, isAllowed: boolean): Sample {
  return {
    path: join('src', folder, `sample-${count++}.ts`),
    text: importing(from),
    isRefused: !isAllowed,
  };
}

/** Each folder imports from each other folder. */
function folderSamples(table: readonly FolderRule[], executorFiles: readonly string[]): Sample[] {
  const folders = table.map(({ folder }) => folder).filter((folder) => folder !== '');
  return table.flatMap(({ folder, imports }) => {
    const up = folder === '' ? './' : '../';
    const others = folders.filter((other) => other !== folder);
    const wholes = others
      .filter((other) => !imports.some((each) => each.startsWith(`${other}/`)))
      .map((other) =>
        sample(folder, `${up}${other}/thing.js`, imports.includes(other) || imports.includes('everything')),
      );
    const isPart = imports.some((each) => each.startsWith('executor/'));
    const files = isPart ? executorFiles : [];
    return [
      ...wholes,
      ...files.map((file) => sample(folder, `../executor/${file}.js`, imports.includes(`executor/${file}`))),
    ];
  });
}

/** Each folder imports each package, and a subpath of it. */
function packageSamples(table: readonly FolderRule[], dependencies: readonly string[]): Sample[] {
  return table.flatMap(({ folder, packages }) =>
    dependencies.flatMap((name) => [
      sample(folder, name, packages.includes(name)),
      sample(folder, `${name}/part`, packages.includes(name)),
    ]),
  );
}

let table: FolderRule[];
let dependencies: string[];
let executorFiles: string[];

beforeAll(async () => {
  table = await readTable();
  dependencies = await readDependencies();
  executorFiles = (await sourcesIn('src/executor')).map(({ path }) =>
    path.replace(/^src\/executor\/|\.ts$/g, ''),
  );
});

/** The result of every sample and the expected one, as texts that show the difference. */
async function judge(samples: readonly Sample[]): Promise<{ found: string[]; wanted: string[] }> {
  const codes = await lint(samples);
  const tell = ({ path, text }: Sample, isRefused: boolean) =>
    `${isRefused ? 'refused' : 'passed'} in ${dirname(path)}: ${text.slice(0, 80)}`;
  const isRefused = ({ path }: Sample) => codes.get(path)?.includes(importRule) === true;
  return {
    found: samples.map((each) => tell(each, isRefused(each))),
    wanted: samples.map((each) => tell(each, each.isRefused)),
  };
}

describe('the table of ARCHITECTURE.md', () => {
  test('names every folder of `src`, and no other', async () => {
    const entries = await readdir(join(root, 'src'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

    expect(table.map(({ folder }) => folder).toSorted()).toEqual(['', ...folders].toSorted());
  });

  test('gives every sub-folder of `src` a line', async () => {
    const entries = await readdir(join(root, 'src'), { withFileTypes: true, recursive: true });
    const src = join(root, 'src');
    const below = entries
      .filter((entry) => entry.isDirectory() && entry.parentPath !== src)
      .map((entry) => relative(src, join(entry.parentPath, entry.name)));
    const text = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8');
    const named = [...text.matchAll(/^\| `((?!src)[a-z-]+(?:\/[a-z-]+)+)\/` \|/gm)].map(
      ([, folder]) => folder,
    );

    expect(named.toSorted()).toEqual(below.toSorted());
  });

  test('gives every npm dependency a home, and names no other', () => {
    const homes = new Set(table.flatMap(({ packages }) => packages));

    expect([...homes].toSorted()).toEqual(dependencies.toSorted());
  });
});

const lines = (amount: number) => Array.from({ length: amount }, (_, at) => `  x(${at});`).join('\n');
const nested = (depth: number) => `${'if (x) {'.repeat(depth)} x(); ${'}'.repeat(depth)}`;

/** A rule, code that just passes and code that does not. */
const limits: readonly [string, string, string][] = [
  ['eslint(max-lines)', lines(400), lines(401)],
  ['eslint(max-lines-per-function)', `function f() {\n${lines(58)}\n}`, `function f() {\n${lines(59)}\n}`],
  ['eslint(max-params)', 'function f(a, b, c, d) {}', 'function f(a, b, c, d, e) {}'],
  ['eslint(max-depth)', `function f() {${nested(4)}}`, `function f() {${nested(5)}}`],
  ['import(no-default-export)', 'export const f = 1;', 'export default 1;'],
];

/** What a door may import beside what all doors share. */
function packagesOf(door: string): string[] {
  return door === 'api/jobproxy' ? ['hono', 'zod', 'saxes'] : ['hono', 'zod'];
}

describe('the linter refuses', () => {
  test('imports between folders that the table does not allow, and nothing else', async () => {
    const samples = folderSamples(table, executorFiles);

    expect(samples.filter(({ isRefused }) => isRefused).length).toBeGreaterThan(50);
    const { found, wanted } = await judge(samples);

    expect(found).toEqual(wanted);
  });

  test('a package outside its home, and nothing else', async () => {
    const samples = packageSamples(table, dependencies);

    expect(samples.filter(({ isRefused }) => isRefused).length).toBeGreaterThan(100);
    const { found, wanted } = await judge(samples);

    expect(found).toEqual(wanted);
  });

  test('imports from main.ts', async () => {
    const folders = table.map(({ folder }) => folder).filter((folder) => folder !== '');

    const { found, wanted } = await judge([
      ...folders.map((folder) => sample(folder, '../main.js', false)),
      ...folders.map((folder) => sample(folder, './main.js', true)),
      ...folders.map((folder) => sample(`${folder}/deeper`, '../../main.js', false)),
      sample('api/gostint', '../../main.js', false),
    ]);

    expect(found).toEqual(wanted);
  });

  test('a door that imports more than the model, the queue and what all doors share', async () => {
    const doors = ['api/gaffer', 'api/gostint', 'api/jobproxy', 'api/lopco', 'api/native', 'api/runai'];
    const refused = ['config', 'docker', 'executor', 'server', 'store', 'vault'];

    const { found, wanted } = await judge(
      doors.flatMap((door) => [
        ...refused.map((folder) => sample(door, `../../${folder}/thing.js`, false)),
        ...['../../job/job.js', '../../queue/queue.js', '../answers.js', './wire.js'].map((from) =>
          sample(door, from, true),
        ),
        ...dependencies.map((name) => sample(door, name, packagesOf(door).includes(name))),
      ]),
    );

    expect(found).toEqual(wanted);
  });
});

describe('the linter also finds violations', () => {
  test('in imports of types only, and in re-exports', async () => {
    const { found, wanted } = await judge([
      {
        path: 'src/job/types.ts',
        text: "export type { X } from '../queue/queue.js';\n",
        isRefused: true,
      },
      {
        path: 'src/job/import-type.ts',
        text: "import type { X } from '../queue/queue.js';\n\nexport const y: X = 1;\n",
        isRefused: true,
      },
      { path: 'src/store/all.ts', text: "export * from '../vault/client.js';\n", isRefused: true },
    ]);

    expect(found).toEqual(wanted);
  });

  test('in circular imports, also of types only', async () => {
    const codes = await lint(
      ['src/queue', 'bench/chaos', 'rig', 'vault-dev/embedded', 'test/support'].flatMap((folder) => [
        { path: `${folder}/a.ts`, text: "import type { B } from './b.js';\n\nexport type A = B | 1;\n" },
        { path: `${folder}/b.ts`, text: "import type { C } from './c.js';\n\nexport type B = C | 2;\n" },
        { path: `${folder}/c.ts`, text: "import type { A } from './a.js';\n\nexport type C = A | 3;\n" },
        { path: `${folder}/d.ts`, text: "import type { A } from './a.js';\n\nexport type D = A | 4;\n" },
      ]),
    );
    const inCircles = [...codes].filter(([, found]) => found.includes('import(no-cycle)'));
    const names = inCircles.map(([path]) => path).toSorted();

    expect(names).toHaveLength(15);
    expect(names.filter((path) => path.endsWith('/d.ts'))).toEqual([]);
  });

  test('in code that is too large, has too many parameters, is nested too deep or has no name', async () => {
    const samples = ['src/job', 'src', 'test/job', 'rig', 'demo', 'bench', 'vault-dev'].flatMap((folder) =>
      limits.flatMap(([rule, good, bad], index) => [
        { path: `${folder}/good-${index}.ts`, text: `${good}\n`, rule, isBad: false },
        { path: `${folder}/bad-${index}.ts`, text: `${bad}\n`, rule, isBad: true },
      ]),
    );
    const codes = await lint(samples);

    for (const { path, rule, isBad } of samples)
      expect([path, rule, codes.get(path)?.includes(rule) ?? false]).toEqual([path, rule, isBad]);
  });
});

describe('nothing is exempt', () => {
  test('no file or folder switches a rule off in the settings of the linter, except where tools require it', async () => {
    const { rules, overrides, ignorePatterns } = JSON.parse(await readFile(join(root, config), 'utf8')) as {
      rules: Readonly<Record<string, unknown>>;
      overrides: { files: string[]; rules: Readonly<Record<string, unknown>> }[];
      ignorePatterns: string[];
    };
    const switches = overrides.flatMap(({ files, rules: own }) =>
      Object.keys(own)
        .filter((rule) => rule !== 'no-restricted-imports')
        .map((rule) => `${files.join()} ${rule}`),
    );

    expect(Object.entries(rules).filter(([, level]) => level === 'off')).toEqual([]);
    expect(switches).toEqual(['*.config.ts import/no-default-export']);
    expect(ignorePatterns).toEqual(['dist/**']);
  });

  test('no line does so by a comment', async () => {
    const hiding = /(?:oxlint|eslint)-disable|biome-ignore|@ts-(?:ignore|expect-error|nocheck)/;
    const folders = ['src', 'test', 'rig', 'demo', 'bench', 'scripts', 'vault-dev'];
    const sources = (await Promise.all(folders.map((folder) => sourcesIn(folder)))).flat();

    const found = sources.filter(
      ({ path, text }) => path !== 'test/architecture.test.ts' && hiding.test(text),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
    expect(sources.length).toBeGreaterThan(100);
  });

  test('no package is imported in a way that the linter does not check, except in its home', async () => {
    const found = (await sourcesIn('src')).flatMap(({ path, text }) => {
      const { packages = [] } = table.find(({ folder }) => folder === path.split('/')[1]) ?? {};
      return [...text.matchAll(/\b(?:import|require)\((.*?)\)/g)]
        .filter(([, from = '']) => !packages.includes(from.slice(1, -1)))
        .map(([call]) => `${path}: ${call}`);
    });

    expect(found).toEqual([]);
  });
});

const firstLine = /^\/\/ [A-Z\d`].{10,115}\.$/;

describe('every source file', () => {
  test('begins with one line that says what it is for', async () => {
    const folders = ['src', 'rig', 'demo', 'bench', 'vault-dev'];
    const sources = (await Promise.all(folders.map((folder) => sourcesIn(folder)))).flat();
    const silent = sources.filter(({ text }) => !firstLine.test(text.slice(0, text.indexOf('\n'))));

    expect(sources.length).toBeGreaterThan(250);
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});

/** Folders with more than sixteen files side by side, and their numbers of files. */
function crowdedFolders(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  return [...counts].filter(([, files]) => files > 16).map(([folder, files]) => `${folder}: ${files}`);
}

const planted = (files: number) => Array.from({ length: files }, (_, at) => `src/job/file-${at}.ts`);

describe('no folder of code', () => {
  test('holds more than sixteen files side by side', async () => {
    const folders = ['src', 'rig', 'demo', 'bench', 'scripts', 'vault-dev'];
    const paths = (await Promise.all(folders.map((folder) => sourcesIn(folder)))).flat();

    expect(crowdedFolders(paths.map(({ path }) => path))).toEqual([]);
  });

  test('escapes this check', () => {
    expect(crowdedFolders([...planted(16), 'src/job/deeper/file.ts'])).toEqual([]);
    expect(crowdedFolders(planted(17))).toEqual(['src/job: 17']);
  });
});

/** All code below a folder; none where the folder does not exist. */
async function sourcesIn(folder: string): Promise<{ path: string; text: string }[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(?:ts|mjs|js)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('node_modules'));
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })),
  );
}

/** The only files that may read the node's clock, which may be wrong and may jump. */
const wallClockFiles: Readonly<Record<string, string>> = {
  'src/job/id.ts': 'an id begins with a time, as its format wants; nothing is ordered by it',
  'src/api/jobproxy/ping.ts': 'tells a client what this node takes for the time; nothing is ordered by it',
  'src/docker/delivery/host-files.ts': "files of this machine are dated by this machine's clock",
  'src/docker/engine/clock.ts': 'only where an engine does not tell its own time',
  'src/vault/client/vault-clock.ts': 'only before the first answer of Vault',
};

/** All ways to read the node's clock; a `Date` that is made from a value does not read it. */
const wallClock =
  /\bDate\s*\.\s*now\b|\bnew\s+(?:globalThis\.)?Date\b(?!\s*\(\s*[^\s)])|(?<!\bnew\s+(?:globalThis\.)?)\bDate\s*\(|\bDate\s*\[|=\s*(?:globalThis\.)?Date\s*[;,)]|\btimeOrigin\b/;

/** Postgres' names for the start of a statement, and a time that comes from a node. */
const otherSqlClock =
  /(?<!\.)\bnow\(\)|\b(?:current|local)_?time(?:stamp)?\b|\bcurrent_date\b|\b(?:statement|transaction)_timestamp\b|'now'|\}::(?:timestamp|date)/i;

describe('Q10: clocks that may be wrong', () => {
  test("Q10: leases, ends and orders ask no clock that may be wrong: the database's, Vault's, the engine's, or one that cannot be set", async () => {
    const found = (await sourcesIn('src')).filter(({ text }) => wallClock.test(text));

    expect(found.map(({ path }) => path).toSorted()).toEqual(Object.keys(wallClockFiles).toSorted());
  });

  test.each([
    ['const x = Date.now();', true],
    ['const x = Date\n  .now();', true],
    ['take(Date.now)', true],
    ['const x = new Date();', true],
    ['const x = new Date;', true],
    ['const x = new globalThis.Date();', true],
    ['const x = Date();', true],
    ["const x = Date['now']();", true],
    ['const { now } = Date;', true],
    ['const x = performance.timeOrigin + performance.now();', true],
    ['const x = new Date(text);', false],
    ['const x = new Date(\n  text,\n);', false],
    ['const x = Date.parse(text);', false],
    ['const x = performance.now();', false],
    ['const x = toDate(text);', false],
    ['readonly at: Date;', false],
    ['(at: Date) => Date | undefined', false],
  ])('are found in %j: %j', (text, isFound) => {
    expect(wallClock.test(text)).toBe(isFound);
  });

  test('are asked by no statement: each asks the database what time it is right then, and is told none', async () => {
    const folder = join(root, 'migrations');
    const names = (await readdir(folder)).filter((name) => name.endsWith('.sql'));
    const migrations = names.map(async (name) => ({
      path: `migrations/${name}`,
      text: await readFile(join(folder, name), 'utf8'),
    }));
    const all = [...(await sourcesIn('src/store')), ...(await Promise.all(migrations))];

    expect(all.filter(({ text }) => otherSqlClock.test(text)).map(({ path }) => path)).toEqual([]);
    expect(all.filter(({ text }) => text.includes('clock_timestamp()')).length).toBeGreaterThan(10);
  });

  test.each([
    ['default now()', true],
    ['seen_at = current_timestamp', true],
    ['seen_at = CURRENT_TIMESTAMP', true],
    ['at < localtimestamp', true],
    ['statement_timestamp() - at', true],
    ["'now'::timestamptz", true],
    [`values (\${at}::timestamptz)`, true],
    ['clock_timestamp() - at', false],
    ['parts.now()', false],
  ])('would be found in the statement %j: %j', (text, isFound) => {
    expect(otherSqlClock.test(text)).toBe(isFound);
  });
});
