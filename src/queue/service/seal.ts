// Encrypts a request for storage in Postgres and binds it to its job, door, queue and owner.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OpenedRequest } from '../../executor/run.js';
import { JobFailedError } from '../../job/errors.js';
import { Base64, jsonPieces, pieceBytes } from './json-pieces.js';
import { readPlain } from './opened.js';

/** What a sealed request is bound to: opening it under another job, queue or owner fails. */
export interface SealContext {
  readonly id: string;
  readonly door: string;
  readonly queue: string | null;
  readonly ownerKey: string;
}

const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;
const headBytes = ivBytes + tagBytes;

/**
 * Layout: 12 bytes of nonce, 16 bytes of tag, then the ciphertext (AES-256-GCM, NIST SP 800-38D). Yields the ciphertext in
 * pieces and returns what belongs in front of them: the tag is known only at the end.
 */
export async function* sealRequest(
  key: Buffer,
  context: SealContext,
  request: OpenedRequest,
): AsyncGenerator<Uint8Array, Uint8Array> {
  const iv = randomBytes(ivBytes);
  const sealing = createCipheriv(cipher, key, iv);
  sealing.setAAD(binding(context));
  for (const piece of jsonPieces(plainOf(request))) {
    yield sealing.update(piece, 'utf8');
    await nextTurn();
  }
  sealing.final();
  return Buffer.concat([iv, sealing.getAuthTag()]);
}

/** As `sealRequest`, in one piece: for a request that is short. */
export async function sealWhole(
  key: Buffer,
  context: SealContext,
  request: OpenedRequest,
): Promise<Uint8Array> {
  const sealing = sealRequest(key, context, request);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await sealing.next();
    if (done === true) return Buffer.concat([value, ...pieces]);
    pieces.push(value);
  }
}

/** The content is a field among others, as versions before this one read it. */
function plainOf({ content, fields, ...rest }: OpenedRequest): object {
  return content === undefined
    ? { ...rest, fields }
    : { ...rest, fields: { ...fields, content: new Base64('targz,', content) } };
}

/**
 * Fails the job when the row is missing, was changed by somebody else, or was sealed with another key. The given bytes are
 * overwritten: a long request is held once.
 */
export async function openRequest(
  key: Buffer,
  context: SealContext,
  sealed: Uint8Array | null,
): Promise<OpenedRequest> {
  if (sealed === null) throw missing();
  return await readPlain(await decrypt(key, context, sealed));
}

async function decrypt(key: Buffer, context: SealContext, sealed: Uint8Array): Promise<Buffer> {
  const body = sealed.subarray(headBytes);
  try {
    const opening = createDecipheriv(cipher, key, sealed.slice(0, ivBytes), { authTagLength: tagBytes });
    opening.setAAD(binding(context));
    opening.setAuthTag(sealed.slice(ivBytes, headBytes));
    for (let at = 0; at < body.length; at += pieceBytes) {
      body.set(opening.update(body.subarray(at, at + pieceBytes)), at);
      await nextTurn();
    }
    opening.final(); // Nothing is used before its tag was checked.
    return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  } catch (cause) {
    throw notAuthentic(cause);
  }
}

function missing(): JobFailedError {
  return new JobFailedError(
    'internal',
    'request_missing',
    'Could not find the stored request of this job: somebody removed it from the database.',
    { alarm: true },
  );
}

/** Also for a request that is as it was sealed, where the row of its job is not. */
export function notAuthentic(cause?: unknown): JobFailedError {
  return new JobFailedError(
    'internal',
    'request_not_authentic',
    'Could not open the stored request of this job: it was changed in the database, or STINT_SEAL_KEY is another one.',
    { cause, alarm: true },
  );
}

function binding(context: SealContext): Buffer {
  return Buffer.from(JSON.stringify([context.id, context.door, context.queue, context.ownerKey]));
}
