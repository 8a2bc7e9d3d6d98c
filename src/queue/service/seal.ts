// Encrypts a request for storage in Postgres and binds it to its job, door, queue and owner.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { OpenedRequest } from '../../executor/run.js';
import { JobFailedError } from '../../job/errors.js';
import { Secret } from '../../job/secret.js';

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

/** Layout: 12 bytes of nonce, 16 bytes of tag, then the ciphertext (AES-256-GCM, NIST SP 800-38D). */
export function sealRequest(key: Buffer, context: SealContext, request: OpenedRequest): Uint8Array {
  const iv = randomBytes(ivBytes);
  const sealing = createCipheriv(cipher, key, iv);
  sealing.setAAD(binding(context));
  const plain = JSON.stringify({ ...request, wrappedSecretId: request.wrappedSecretId?.reveal() });
  const body = sealing.update(plain, 'utf8');
  const rest = sealing.final(); // The tag is there only after it.
  return Buffer.concat([iv, sealing.getAuthTag(), body, rest]);
}

/** Fails the job when the row is missing, was changed by somebody else, or was sealed with another key. */
export function openRequest(key: Buffer, context: SealContext, sealed: Uint8Array | null): OpenedRequest {
  if (sealed === null) {
    throw new JobFailedError(
      'internal',
      'request_missing',
      'Could not find the stored request of this job: somebody removed it from the database.',
      { alarm: true },
    );
  }
  const opened = JSON.parse(decrypt(key, context, sealed)) as Omit<OpenedRequest, 'wrappedSecretId'> & {
    wrappedSecretId?: string;
  };
  const { wrappedSecretId: wrapped } = opened;
  return { ...opened, wrappedSecretId: wrapped === undefined ? undefined : new Secret(wrapped) };
}

function decrypt(key: Buffer, context: SealContext, sealed: Uint8Array): string {
  try {
    const opening = createDecipheriv(cipher, key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes });
    opening.setAAD(binding(context));
    opening.setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
    return opening.update(sealed.subarray(ivBytes + tagBytes), undefined, 'utf8') + opening.final('utf8');
  } catch (cause) {
    throw new JobFailedError(
      'internal',
      'request_not_authentic',
      'Could not open the stored request of this job: it was changed in the database, or STINT_SEAL_KEY is another one.',
      { cause, alarm: true },
    );
  }
}

function binding(context: SealContext): Buffer {
  return Buffer.from(JSON.stringify([context.id, context.door, context.queue, context.ownerKey]));
}
