// Encrypts what is sent to the standard input of a job, and binds it to the job (AES-256-GCM, NIST SP 800-38D).
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const cipher = 'aes-256-gcm';
const [ivBytes, tagBytes] = [12, 16];

/** 12 bytes of nonce, 16 bytes of tag, then the ciphertext; bound to the job. */
export function sealInput(key: Buffer, jobId: string, bytes: Uint8Array): Uint8Array {
  const iv = randomBytes(ivBytes);
  const sealing = createCipheriv(cipher, key, iv);
  sealing.setAAD(binding(jobId));
  const sealed = Buffer.concat([sealing.update(bytes), sealing.final()]);
  return Buffer.concat([iv, sealing.getAuthTag(), sealed]);
}

/** Undefined: it was changed in the database, or is of another job. */
export function openInput(key: Buffer, jobId: string, sealed: Uint8Array): Buffer | undefined {
  try {
    const opening = createDecipheriv(cipher, key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes });
    opening.setAAD(binding(jobId));
    opening.setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
    return Buffer.concat([opening.update(sealed.subarray(ivBytes + tagBytes)), opening.final()]);
  } catch {
    return undefined;
  }
}

function binding(jobId: string): Buffer {
  return Buffer.from(JSON.stringify(['input', jobId]));
}
