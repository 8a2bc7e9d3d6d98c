import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  findLockProblems,
  type Lockfile,
  licenceOf,
  type Manifest,
  readJson,
  runtimePackages,
} from './support/lockfile.js';

const manifest = readJson<Manifest>('package.json');
const lock = readJson<Lockfile>('package-lock.json');
const free = /^(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|Unlicense|Public Domain)(?: or |$)/;

test('S2: every package is locked to the version that package.json asks for, by its hash, and to no place', () => {
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  expect(findLockProblems(manifest, lock)).toEqual([]);
});

const { packages } = lock;
const hono = packages['node_modules/hono'] ?? {};
const root = packages[''] ?? {};
const changed = (path: string, entry: object): Lockfile => ({
  packages: { ...packages, [path]: { ...packages[path], ...entry } },
});

test.each([
  [
    'another version',
    changed('node_modules/hono', { version: '9.9.9' }),
    'hono is locked in another version.',
  ],
  ['no hash', changed('node_modules/hono', { integrity: undefined }), 'node_modules/hono has no hash.'],
  ['a weak hash', changed('node_modules/hono', { integrity: 'sha1-AAAA' }), 'node_modules/hono has no hash.'],
  [
    'a place',
    changed('node_modules/hono', { resolved: 'there' }),
    'node_modules/hono names where it came from.',
  ],
  [
    'a package more',
    changed('', { dependencies: { ...root.dependencies, evil: '1.0.0' } }),
    'evil is locked and not asked for.',
  ],
  ['a drift', changed('', { dependencies: { ...root.dependencies, hono: '^4.0.0' } }), 'hono is not locked'],
])('S2: %s in the lockfile would be found', (_, planted, problem) => {
  expect(hono.version).toBe(manifest.dependencies?.['hono']);
  expect(findLockProblems(manifest, planted).join()).toContain(problem);
});

test('S2: no package runs a script when it is installed, here or in the image', () => {
  expect(readFileSync('.npmrc', 'utf8')).toMatch(/^ignore-scripts=true$/m);
  expect(readFileSync('Dockerfile', 'utf8')).toMatch(/^COPY .*\.npmrc .*\nRUN npm install/m);
});

test('every package that is installed with the server may be used freely', () => {
  const others = runtimePackages(lock).filter(
    ({ path, isOptional }) => !isOptional && !free.test(licenceOf(path)),
  );

  expect(others).toEqual([]);
});

test('S2: the bill of materials has every package that is installed with the server, with its hash, and no other', {
  timeout: 60_000,
}, () => {
  const { scripts } = readJson<{ scripts: Record<string, string> }>('package.json');
  const [program = '', ...args] = (scripts['sbom'] ?? '').split(' ');
  const bill = JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as {
    readonly bomFormat: string;
    readonly components: readonly {
      readonly purl: string;
      readonly hashes?: readonly { readonly alg: string }[];
    }[];
  };
  const expected = runtimePackages(lock).map(
    ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`,
  );

  expect(bill.bomFormat).toBe('CycloneDX');
  expect([...new Set(bill.components.map(({ purl }) => purl))].toSorted()).toEqual(
    [...new Set(expected)].toSorted(),
  );
  expect(bill.components.every(({ hashes }) => hashes?.some(({ alg }) => alg === 'SHA-512') === true)).toBe(
    true,
  );
});
