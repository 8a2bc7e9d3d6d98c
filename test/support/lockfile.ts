import { readFileSync } from 'node:fs';

/** What package.json says of packages. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

export interface Lockfile {
  /** By path; the root is the empty one, and is a manifest. */
  readonly packages: Readonly<Record<string, LockedPackage & Manifest>>;
}

export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;

/** What of a lockfile could let another package in than the one that was looked at, a sentence each. */
export function findLockProblems(manifest: Manifest, { packages }: Lockfile): string[] {
  const root = packages[''] ?? {};
  const asked = kinds.flatMap((kind) =>
    Object.entries(manifest[kind] ?? {}).map((each) => [kind, ...each] as const),
  );
  const locked = kinds.flatMap((kind) => Object.keys(root[kind] ?? {}));
  return [
    ...asked
      .filter(([kind, name, version]) => root[kind]?.[name] !== version)
      .map(([, name]) => `${name} is not locked as package.json asks.`),
    ...locked
      .filter((name) => !asked.some(([, each]) => each === name))
      .map((name) => `${name} is locked and not asked for.`),
    ...asked
      .filter(([, , version]) => !/^\d/.test(version))
      .map(([, name]) => `${name} has no exact version.`),
    ...asked
      .filter(([, name, version]) => packages[`node_modules/${name}`]?.version !== version)
      .map(([, name]) => `${name} is locked in another version.`),
    ...Object.entries(packages).flatMap(([path, entry]) =>
      path === '' ? [] : findEntryProblems(path, entry),
    ),
  ];
}

function findEntryProblems(path: string, { integrity, resolved }: LockedPackage): string[] {
  return [
    ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') ? [] : [`${path} has no hash.`]),
    ...(resolved === undefined ? [] : [`${path} names where it came from.`]),
  ];
}

export interface RuntimePackage {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly isOptional: boolean;
}

/** What is installed with the server, in the order of names; the optional ones only where they can be had. */
export function runtimePackages({ packages }: Lockfile): RuntimePackage[] {
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version = '', optional: isOptional = false }]) => ({
      path,
      name: path.slice(path.lastIndexOf('node_modules/') + 13),
      version,
      isOptional,
    }))
    .toSorted((one, other) => (one.name + one.version < other.name + other.version ? -1 : 1));
}

/** As the package itself says it, in either of the forms that npm has had. */
export function licenceOf(path: string): string {
  const { license, licenses } = readJson<{ license?: unknown; licenses?: unknown }>(`${path}/package.json`);
  const said = license ?? licenses;
  const all = Array.isArray(said) ? said : [said];
  return all
    .map((each) => (typeof each === 'string' ? each : (each as { type?: string })?.type) ?? 'none')
    .join(' or ');
}
