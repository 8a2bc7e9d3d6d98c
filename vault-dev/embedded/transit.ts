import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { countOf, flagOf, textOf } from './body.js';
import { dispatch, type Engine, type EngineRequest, type Route } from './engine.js';
import { type Fields, list, nothing, Refusal, type Reply } from './reply.js';

interface Key {
  readonly name: string;
  readonly versions: { readonly bytes: Buffer; readonly createdAt: number }[];
  minDecryption: number;
  minEncryption: number;
  isDeletable: boolean;
}

type Keys = Map<string, Key>;

/** Encrypts for others and keeps the key to itself: AES-256-GCM, the type that Vault takes where none is given. */
export function createTransit(): Engine {
  const keys: Keys = new Map();
  const routes: Route[] = [
    { pattern: /^keys\/?$/, list: () => list(keys.keys()) },
    keyRoute(keys),
    {
      pattern: /^keys\/([^/]+)\/rotate$/,
      write: (_, [name = '']) => void find(keys, name).versions.push(newVersion()),
    },
    {
      pattern: /^keys\/([^/]+)\/config$/,
      write: ({ body }, [name = '']) => configure(find(keys, name), body),
    },
    { pattern: /^encrypt\/([^/]+)$/, write: (request, [name = '']) => encrypt(keys, name, request) },
    {
      pattern: /^decrypt\/([^/]+)$/,
      write: ({ body }, [name = '']) => decrypt(find(keys, name), textOf(body, 'ciphertext')),
    },
  ];
  return {
    handle: (request) => dispatch(routes, request),
    exists: (path) => {
      const name = /^encrypt\/([^/]+)$/.exec(path)?.[1];
      return name === undefined ? undefined : keys.has(name);
    },
  };
}

function newVersion(): Key['versions'][number] {
  return { bytes: randomBytes(32), createdAt: Date.now() };
}

function newKey(name: string): Key {
  return { name, versions: [newVersion()], minDecryption: 1, minEncryption: 0, isDeletable: false };
}

function keyRoute(keys: Keys): Route {
  return {
    pattern: /^keys\/([^/]+)$/,
    read: (_, [name = '']) => show(keys.get(name)),
    write: ({ body }, [name = '']) => {
      const type = textOf(body, 'type') || 'aes256-gcm96';
      if (type !== 'aes256-gcm96') throw new Refusal(400, `unknown key type ${type}`);
      if (!keys.has(name)) keys.set(name, newKey(name));
      return undefined;
    },
    delete: (_, [name = '']) => {
      if (!keys.get(name)?.isDeletable) {
        throw new Refusal(400, `error deleting policy ${name}: deletion is not allowed for this key`);
      }
      keys.delete(name);
      return undefined;
    },
  };
}

function configure(key: Key, body: Fields): undefined {
  key.minDecryption = countOf(body, 'min_decryption_version', key.minDecryption);
  key.minEncryption = countOf(body, 'min_encryption_version', key.minEncryption);
  key.isDeletable = flagOf(body, 'deletion_allowed', key.isDeletable);
}

function show(key: Key | undefined): Reply {
  if (key === undefined) throw nothing();
  const times = key.versions.map(({ createdAt }, index) => [index + 1, Math.floor(createdAt / 1000)]);
  return {
    data: {
      allow_plaintext_backup: false,
      auto_rotate_period: 0,
      deletion_allowed: key.isDeletable,
      derived: false,
      exportable: false,
      imported_key: false,
      keys: Object.fromEntries(times),
      latest_version: key.versions.length,
      min_available_version: 0,
      name: key.name,
      min_decryption_version: key.minDecryption,
      min_encryption_version: key.minEncryption,
      supports_decryption: true,
      supports_derivation: true,
      supports_encryption: true,
      supports_signing: false,
      type: 'aes256-gcm96',
    },
  };
}

const [nonceBytes, tagBytes] = [12, 16];

/** Who may create gets the key made along with the first use. */
function encrypt(keys: Keys, name: string, { body }: EngineRequest): Reply {
  if (body.plaintext === undefined) throw new Refusal(400, 'missing plaintext to encrypt');
  const plaintext = fromBase64(textOf(body, 'plaintext'));
  if (plaintext === undefined) throw new Refusal(400, 'illegal base64 data at input byte 0');
  const key = keys.get(name) ?? newKey(name);
  keys.set(name, key);
  const version = key.versions.length;
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', versionOf(key, version), nonce);
  const bytes = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { data: { ciphertext: `vault:v${version}:${bytes.toString('base64')}`, key_version: version } };
}

function decrypt(key: Key, ciphertext: string): Reply {
  if (ciphertext === '') throw new Refusal(400, 'missing ciphertext to decrypt');
  const [prefix, number = '', base64 = ''] = ciphertext.split(':');
  if (prefix !== 'vault' || !number.startsWith('v')) throw invalid('no prefix');
  if (!/^v\d+$/.test(number)) throw invalid('version number could not be decoded');
  const version = Number(number.slice(1));
  if (version > key.versions.length) throw invalid('version is too new');
  if (version < key.minDecryption)
    throw new Refusal(400, 'ciphertext or signature version is disallowed by policy (too old)');
  const bytes = fromBase64(base64);
  if (bytes === undefined) throw invalid('could not decode base64');
  if (bytes.length < nonceBytes + tagBytes) throw new Refusal(400, 'invalid ciphertext length');
  return { data: { plaintext: open(versionOf(key, version), bytes).toString('base64') } };
}

function open(key: Buffer, bytes: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    throw new Refusal(400, 'cipher: message authentication failed');
  }
}

function versionOf(key: Key, version: number): Buffer {
  const bytes = key.versions[version - 1]?.bytes;
  if (bytes === undefined) throw invalid('version is too old');
  return bytes;
}

function find(keys: Keys, name: string): Key {
  const key = keys.get(name);
  if (key === undefined) throw new Refusal(400, 'encryption key not found');
  return key;
}

function fromBase64(text: string): Buffer | undefined {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64') : undefined;
}

function invalid(why: string): Refusal {
  return new Refusal(400, `invalid ciphertext: ${why}`);
}
