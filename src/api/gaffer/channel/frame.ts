// Reads and writes the frames of a process's channel: `V1 type id`, a NUL byte, and the body.

import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';

export type FrameType = 'message' | 'response' | 'error';

export interface Frame {
  readonly type: string;
  /** The sender's own; an answer has that of what it answers. */
  readonly id: string;
  readonly body: Uint8Array;
}

/** What is wrong with the connection as a whole has this id. */
export const noId = 'gaffer_error';

const head = /^V1 +([a-z]{1,16}) +([\x21-\x7e]{1,128}) *$/;
const longestHead = 256;

/** Undefined for bytes that are no frame. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const end = bytes.indexOf(0);
  if (end < 0 || end > longestHead) return undefined;
  const [, type, id] = head.exec(Buffer.from(bytes.subarray(0, end)).toString('latin1')) ?? [];
  return type === undefined || id === undefined ? undefined : { type, id, body: bytes.subarray(end + 1) };
}

/** As text where it is text: clients read either. */
export function encodeFrame(
  type: FrameType,
  body: Uint8Array,
  id = randomUUID().replaceAll('-', ''),
): string | Uint8Array {
  const frame = Buffer.concat([Buffer.from(`V1 ${type} ${id}\0`), body]);
  return isUtf8(frame) ? frame.toString() : frame;
}
