// Signatures of the transit engine, by keys of the type ed25519.

import { createPrivateKey, createPublicKey, type KeyObject, sign as signBytes } from 'node:crypto';
import { textOf } from '../http/body.js';
import { type Fields, Refusal, type Reply } from '../http/reply.js';
import { fromBase64, type Key } from './transit-key.js';

/** What a private key begins with in PKCS 8 (RFC 8410); the 32 bytes of the key follow. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Signs with the newest version of the key. */
export function sign(key: Key, body: Fields): Reply {
  if (key.type !== 'ed25519') throw new Refusal(400, `key type ${key.type} does not support signing`);
  const input = fromBase64(textOf(body, 'input'));
  if (input === undefined) throw new Refusal(400, 'unable to decode input as base64');
  const version = key.versions.length;
  const signature = signBytes(null, input, privateKey(key.versions.at(-1)?.bytes ?? Buffer.alloc(32)));
  return { data: { key_version: version, signature: `vault:v${version}:${signature.toString('base64')}` } };
}

/** What a version of the key looks like to a reader. */
export function publicVersion({ bytes, createdAt }: Key['versions'][number]): Fields {
  const { x = '' } = createPublicKey(privateKey(bytes)).export({ format: 'jwk' });
  return {
    creation_time: new Date(createdAt).toISOString(),
    name: 'ed25519',
    public_key: Buffer.from(x, 'base64url').toString('base64'),
  };
}

function privateKey(bytes: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8, bytes]), format: 'der', type: 'pkcs8' });
}
