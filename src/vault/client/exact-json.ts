// Parses and writes JSON so that large or unusual numbers keep their exact digits.

import { randomBytes } from 'node:crypto';
import { piecesOfJson } from '../../job/json-strings.js';
import { atOnce, type Steps } from '../../job/payload/steps.js';

/** Numbers that JavaScript would change are kept as texts with this prefix. Random, so that no reply can forge one. */
const mark = `#exact:${randomBytes(16).toString('hex')}:`;
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const marked = new RegExp(`"${mark}([-+.eE0-9]+)"`, 'g');

/**
 * Parses JSON without changing a number: `jsonText` writes `12345678901234567890` and `1.0` back unchanged. Throws
 * `SyntaxError`, whose text quotes the JSON: it must not be passed on.
 */
export function parseJson(text: string): unknown {
  return atOnce(parseInSteps(text));
}

/** The same, for a text that may be long. */
export function* parseInSteps(text: string): Steps<unknown> {
  const plain: unknown = JSON.parse(text);
  const exact = yield* mapOutsideStrings(text, (part) => part.replaceAll(number, markInexact));
  return exact === text ? plain : JSON.parse(exact);
}

/** The text of a value for a variable: a string as it is, anything else as compact JSON. */
export function jsonText(value: unknown): string {
  if (typeof value === 'string' && !value.startsWith(mark)) return value;
  return JSON.stringify(value).replaceAll(marked, '$1');
}

function markInexact(literal: string): string {
  return String(Number(literal)) === literal ? literal : `"${mark}${literal}"`;
}

/** The text must be valid JSON. */
function* mapOutsideStrings(text: string, change: (part: string) => string): Steps<string> {
  const pieces: string[] = [];
  for (const { piece, isString } of piecesOfJson(text)) {
    pieces.push(isString ? piece : change(piece));
    yield;
  }
  return pieces.join('');
}
