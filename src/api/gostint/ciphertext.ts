// Recognizes a ciphertext of Vault's transit engine, also one of many megabytes.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ciphertext } from '../../job/job.js';

const prefix = /^vault:v\d{1,9}:(?=[A-Za-z0-9+/])/;
const foreign = /[^A-Za-z0-9+/=]/;
/** Longer than any prefix. */
const headBytes = 32;
/** Far less than a millisecond of work. */
const pieceBytes = 64 * 1024;

/** Whether it is `vault:v1:` and base64. Others are served between its pieces. */
export async function isCiphertext(payload: Ciphertext): Promise<boolean> {
  const bytes = viewOf(typeof payload === 'string' ? Buffer.from(payload) : payload);
  const start = prefix.exec(bytes.toString('latin1', 0, headBytes))?.[0].length;
  if (start === undefined) return false;
  for (let at = start; at < bytes.length; at += pieceBytes) {
    if (foreign.test(bytes.toString('latin1', at, Math.min(at + pieceBytes, bytes.length)))) return false;
    await nextTurn();
  }
  return true;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
