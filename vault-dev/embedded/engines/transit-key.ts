// One transit key with its versions: encryption, decryption, rotation.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { textOf } from '../http/body.js';
import { type Fields, Refusal, type Reply } from '../http/reply.js';

/** The first is Vault's default, and encrypts; the other signs. */
export const keyTypes = ['aes256-gcm96', 'ed25519'] as const;
export type KeyType = (typeof keyTypes)[number];

/** A key with its versions, from 1. */
export interface Key {
  readonly name: string;
  readonly type: KeyType;
  readonly versions: { readonly bytes: Buffer; readonly createdAt: number }[];
  minDecryption: number;
  minEncryption: number;
  isDeletable: boolean;
}

/** Creates a key version from random bytes. */
export function newVersion(): Key['versions'][number] {
  return { bytes: randomBytes(32), createdAt: Date.now() };
}

/** A key of one version. */
export function newKey(name: string, type: KeyType = 'aes256-gcm96'): Key {
  return { name, type, versions: [newVersion()], minDecryption: 1, minEncryption: 0, isDeletable: false };
}

const [nonceBytes, tagBytes] = [12, 16];

/** Uses the newest version of the key. */
export function encrypt(key: Key, body: Fields): Reply {
  refuseSigning(key);
  if (body.plaintext === undefined) throw new Refusal(400, 'missing plaintext to encrypt');
  const plaintext = fromBase64(textOf(body, 'plaintext'));
  if (plaintext === undefined) throw new Refusal(400, 'illegal base64 data at input byte 0');
  const version = key.versions.length;
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', versionOf(key, version), nonce);
  const bytes = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { data: { ciphertext: `vault:v${version}:${bytes.toString('base64')}`, key_version: version } };
}

/** Uses the version that the ciphertext names. */
export function decrypt(key: Key, ciphertext: string): Reply {
  refuseSigning(key);
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

function refuseSigning({ type }: Key): void {
  if (type === 'ed25519') throw new Refusal(400, `message encryption not supported for key type ${type}`);
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

export function fromBase64(text: string): Buffer | undefined {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64') : undefined;
}

function invalid(why: string): Refusal {
  return new Refusal(400, `invalid ciphertext: ${why}`);
}
