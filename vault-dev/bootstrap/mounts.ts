// Mounts the engines and the AppRole method that stint needs.

import { BootstrapError, type Fields, isFields, untilTrue, type VaultApi } from './api.js';
import { ensure, type Workbench } from './steps.js';

interface Mount {
  readonly path: string;
  readonly type: string;
  /** Of the KV engine: its versions are incompatible. */
  readonly version?: '1' | '2';
}

const engines: readonly Mount[] = [
  { path: 'kv', type: 'kv', version: '2' },
  { path: 'kv1', type: 'kv', version: '1' },
  { path: 'transit', type: 'transit' },
];

/** Mounts what is missing. Throws when something else is mounted at one of the paths. */
export async function ensureMounts(bench: Workbench): Promise<void> {
  for (const engine of engines) await ensureMount(bench, 'sys/mounts', engine);
  await ensureMount(bench, 'sys/auth', { path: 'approle', type: 'approle' });
  await untilTrue('the KV 2 engine to be ready', () => isUpgraded(bench.api));
}

async function ensureMount(bench: Workbench, base: 'sys/mounts' | 'sys/auth', mount: Mount): Promise<void> {
  const { path, type, version } = mount;
  const body = { type, ...(version && { options: { version } }) };
  await ensure(bench, {
    name: `${type} ${base === 'sys/auth' ? 'method' : 'engine'} at ${path}/`,
    isThere: async () => checkMount((await bench.api.read(base))?.[`${path}/`], mount),
    create: () => bench.api.write(`${base}/${path}`, body),
  });
}

/** Anything else at the same path is never touched, because somebody may use it. */
function checkMount(found: unknown, wanted: Mount): boolean {
  if (!isFields(found)) return false;
  const isRight = found.type === wanted.type && versionOf(found) === wanted.version;
  if (isRight) return true;
  const { type, version } = wanted;
  throw new BootstrapError(
    `Could not use the mount \`${wanted.path}/\`: expected it to be ${nameOf(type, version)}, got ` +
      `${nameOf(String(found.type), versionOf(found))}. Move it with \`vault secrets move\`, or prepare another Vault.`,
  );
}

/** A KV engine that was mounted without a version has version 1. */
function versionOf(found: Fields): string | undefined {
  if (found.type !== 'kv') return undefined;
  return isFields(found.options) && found.options.version === '2' ? '2' : '1';
}

function nameOf(type: string, version: string | undefined): string {
  return version === undefined ? `\`${type}\`` : `\`${type}\` version ${version}`;
}

/** A new KV 2 mount answers for a moment that it is upgrading. */
async function isUpgraded(api: VaultApi): Promise<boolean> {
  return await api.read('kv/config').then(
    (found) => found !== undefined,
    () => false,
  );
}
