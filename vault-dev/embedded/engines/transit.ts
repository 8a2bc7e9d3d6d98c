// The transit engine: creates keys, encrypts, decrypts and signs with them.

import { countOf, flagOf, textOf } from '../http/body.js';
import { type Fields, list, nothing, Refusal, type Reply } from '../http/reply.js';
import { dispatch, type Engine, type EngineRequest, type Route } from './engine.js';
import { decrypt, encrypt, type Key, keyTypes, newKey, newVersion } from './transit-key.js';
import { publicVersion, sign } from './transit-signing.js';

type Keys = Map<string, Key>;

/** Only AES-256-GCM, which is Vault's default key type, and Ed25519. */
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
    { pattern: /^encrypt\/([^/]+)$/, write: (request, [name = '']) => encryptFor(keys, name, request) },
    { pattern: /^sign\/([^/]+)$/, write: ({ body }, [name = '']) => sign(find(keys, name), body) },
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

function keyRoute(keys: Keys): Route {
  return {
    pattern: /^keys\/([^/]+)$/,
    read: (_, [name = '']) => show(keys.get(name)),
    write: ({ body }, [name = '']) => {
      const wanted = textOf(body, 'type') || 'aes256-gcm96';
      const type = keyTypes.find((each) => each === wanted);
      if (type === undefined) throw new Refusal(400, `unknown key type ${wanted}`);
      if (!keys.has(name)) keys.set(name, newKey(name, type));
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
  const signs = key.type === 'ed25519';
  const versions = key.versions.map((version, index) => [
    index + 1,
    signs ? publicVersion(version) : Math.floor(version.createdAt / 1000),
  ]);
  return {
    data: {
      allow_plaintext_backup: false,
      auto_rotate_period: 0,
      deletion_allowed: key.isDeletable,
      derived: false,
      exportable: false,
      imported_key: false,
      keys: Object.fromEntries(versions),
      latest_version: key.versions.length,
      min_available_version: 0,
      name: key.name,
      min_decryption_version: key.minDecryption,
      min_encryption_version: key.minEncryption,
      supports_decryption: !signs,
      supports_derivation: true,
      supports_encryption: !signs,
      supports_signing: signs,
      type: key.type,
    },
  };
}

function find(keys: Keys, name: string): Key {
  const key = keys.get(name);
  if (key === undefined) throw new Refusal(400, 'encryption key not found');
  return key;
}

/** A caller with the right to create gets the key created at its first use. */
function encryptFor(keys: Keys, name: string, { body }: EngineRequest): Reply {
  const key = keys.get(name) ?? newKey(name);
  const reply = encrypt(key, body);
  keys.set(name, key);
  return reply;
}
