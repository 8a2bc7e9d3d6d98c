// Recognizes a ciphertext of Vault's transit engine, also one of many megabytes.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ciphertext } from '../job.js';

const prefix = /^vault:v\d{1,9}:(?=[A-Za-z0-9+/])/;
/** Longer than any prefix. */
const headBytes = 32;
/** Far less than a millisecond of work. */
const pieceBytes = 64 * 1024;
/** Where padding may be. */
const tailBytes = 2;

/** Whether it is `vault:v1:` and base64, padded at its end only. Others are served between its pieces. */
export async function isCiphertext(text: Ciphertext): Promise<boolean> {
  const bytes = viewOf(text);
  const start = prefix.exec(bytes.toString('latin1', 0, headBytes))?.[0].length;
  if (start === undefined) return false;
  const tail = Math.max(start, bytes.length - tailBytes);
  for (let at = start; at < tail; at += pieceBytes) {
    if (!/^[A-Za-z0-9+/]*$/.test(bytes.toString('latin1', at, Math.min(at + pieceBytes, tail)))) return false;
    await nextTurn();
  }
  return /^[A-Za-z0-9+/]*={0,2}$/.test(bytes.toString('latin1', tail));
}

function viewOf(text: Ciphertext): Buffer {
  return typeof text === 'string'
    ? Buffer.from(text)
    : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}
