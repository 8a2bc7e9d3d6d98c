// Writes a value as JSON in pieces, so that a long one never exists as one text.
import { Secret } from '../../job/secret.js';

/** Base64 of bytes, which `jsonPieces` makes while it writes. */
export class Base64 {
  readonly bytes: Uint8Array;
  /** Stands in front of it. */
  readonly prefix: string;

  constructor(prefix: string, bytes: Uint8Array) {
    this.prefix = prefix;
    this.bytes = bytes;
  }
}

/** A multiple of 3, so that pieces of base64 follow each other without padding. */
export const pieceBytes = 36 * 1024;

/**
 * One text for equal values, in pieces: names are sorted, undefined fields are left out, secrets are included in the clear.
 * Bytes are written as the ASCII text that they are.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  let gathered = '';
  for (const token of tokensOf(value)) {
    gathered += token;
    if (gathered.length < pieceBytes) continue;
    yield gathered;
    gathered = '';
  }
  yield gathered;
}

function* tokensOf(value: unknown): Generator<string> {
  if (value instanceof Secret) yield* textTokens(value.reveal());
  else if (value instanceof Uint8Array) yield* quoted(asciiTokens(value));
  else if (value instanceof Base64) yield* quoted(base64Tokens(value));
  else if (typeof value === 'string') yield* textTokens(value);
  else if (Array.isArray(value)) yield* listTokens(value);
  else if (typeof value === 'object' && value !== null) yield* objectTokens(value);
  else yield JSON.stringify(value);
}

function* listTokens(list: readonly unknown[]): Generator<string> {
  yield '[';
  for (const [index, entry] of list.entries()) {
    if (index > 0) yield ',';
    yield* tokensOf(entry);
  }
  yield ']';
}

function* objectTokens(object: object): Generator<string> {
  const entries = Object.entries(object).filter(([, part]) => part !== undefined);
  yield '{';
  for (const [index, [name, part]] of entries.toSorted(byName).entries()) {
    yield `${index > 0 ? ',' : ''}${JSON.stringify(name)}:`;
    yield* tokensOf(part);
  }
  yield '}';
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function* textTokens(text: string): Generator<string> {
  if (text.length <= pieceBytes) yield JSON.stringify(text);
  else yield* quoted(pieces(text));
}

/** A pair of surrogates is not cut in two: alone they would be escaped. */
function* pieces(text: string): Generator<string> {
  for (let at = 0, to = 0; at < text.length; at = to) {
    to = Math.min(at + pieceBytes, text.length);
    if (/[\ud800-\udbff]/.test(text.charAt(to - 1))) to++;
    yield text.slice(at, to);
  }
}

function* quoted(texts: Iterable<string>): Generator<string> {
  yield '"';
  for (const text of texts) yield isPlain.test(text) ? text : JSON.stringify(text).slice(1, -1);
  yield '"';
}

/** Base64 and ciphertexts. */
const isPlain = /^[\w+/=,:]*$/;

function* asciiTokens(bytes: Uint8Array): Generator<string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length; at += pieceBytes)
    yield buffer.toString('latin1', at, Math.min(at + pieceBytes, buffer.length));
}

function* base64Tokens({ prefix, bytes }: Base64): Generator<string> {
  yield prefix;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < buffer.length; at += pieceBytes)
    yield buffer.toString('base64', at, Math.min(at + pieceBytes, buffer.length));
}
