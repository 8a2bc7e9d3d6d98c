// Parses and writes JSON so that large or unusual numbers keep their exact digits.

import { randomBytes } from 'node:crypto';

/** Numbers that JavaScript would change are kept as texts with this prefix. Random, so that no reply can forge one. */
const mark = `#exact:${randomBytes(16).toString('hex')}:`;
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const marked = new RegExp(`"${mark}([-+.eE0-9]+)"`, 'g');

/**
 * Parses JSON without changing a number: `jsonText` writes `12345678901234567890` and `1.0` back unchanged. Throws
 * `SyntaxError`, whose text quotes the JSON: it must not be passed on.
 */
export function parseJson(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  const exact = mapOutsideStrings(text, (part) => part.replaceAll(number, markInexact));
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

/** The text must be valid JSON. Strings are skipped with `indexOf`, not scanned: a reply may hold many megabytes. */
function mapOutsideStrings(text: string, change: (part: string) => string): string {
  const parts: string[] = [];
  let at = 0;
  for (let open = text.indexOf('"'); open >= 0; open = text.indexOf('"', at)) {
    const end = endOfString(text, open);
    parts.push(change(text.slice(at, open)), text.slice(open, end));
    at = end;
  }
  return [...parts, change(text.slice(at))].join('');
}

function endOfString(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}
