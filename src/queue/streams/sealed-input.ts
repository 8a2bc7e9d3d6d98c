// Encrypts what is sent to a job, and binds it to the job and the pipe (AES-256-GCM, NIST SP 800-38D).
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const cipher = 'aes-256-gcm';
const [ivBytes, tagBytes] = [12, 16];

/** Where input goes. */
export interface InputPlace {
  readonly jobId: string;
  /** The name of a pipe; empty: standard input. */
  readonly pipe: string;
}

/** 12 bytes of nonce, 16 bytes of tag, then the ciphertext; bound to its place. */
export function sealInput(key: Buffer, place: InputPlace, bytes: Uint8Array): Uint8Array {
  const iv = randomBytes(ivBytes);
  const sealing = createCipheriv(cipher, key, iv);
  sealing.setAAD(binding(place));
  const sealed = Buffer.concat([sealing.update(bytes), sealing.final()]);
  return Buffer.concat([iv, sealing.getAuthTag(), sealed]);
}

/** Undefined: it was changed in the database, or was not sent there. */
export function openInput(key: Buffer, place: InputPlace, sealed: Uint8Array): Buffer | undefined {
  try {
    const opening = createDecipheriv(cipher, key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes });
    opening.setAAD(binding(place));
    opening.setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
    return Buffer.concat([opening.update(sealed.subarray(ivBytes + tagBytes)), opening.final()]);
  } catch {
    return undefined;
  }
}

function binding({ jobId, pipe }: InputPlace): Buffer {
  return Buffer.from(JSON.stringify(pipe === '' ? ['input', jobId] : ['input', jobId, pipe]));
}
