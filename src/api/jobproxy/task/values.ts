// Reads single values of a task: texts, whole numbers, flags and lists, as JSON has them and as XML has them.

import { isWellFormed } from '../../request/sentence.js';
import type { Problems } from './problems.js';

/** Where a value was found. */
export interface Place {
  readonly field: string;
  readonly problems: Problems;
}

/** `null` counts as not given: encoders write it for a field that was not set. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Far longer than anything that is taken: what is longer need not be decoded to be refused. */
const longestText = 1024 * 1024;

/** The parser of JSON leaves the bytes of a long text. */
function textOf(value: unknown): unknown {
  if (!(value instanceof Uint8Array) || value.length > longestText) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
}

function aText(value: unknown): string {
  return value instanceof Uint8Array ? `a text of at most ${longestText} bytes` : 'a text';
}

export function readText(value: unknown, { field, problems }: Place): string | undefined {
  if (!isGiven(value)) return undefined;
  const text = textOf(value);
  if (typeof text !== 'string') problems.expected(field, aText(value), value);
  else if (!isWellFormed(text)) problems.expected(field, 'well-formed text', text);
  else if (text === '') problems.tooShort(field);
  else return text;
  return undefined;
}

export function readNeededText(value: unknown, place: Place): string | undefined {
  if (!isGiven(value)) place.problems.missing(place.field);
  return readText(value, place);
}

/** JobProxy keeps its numbers in 32 bits. */
export const largestNumber = 2 ** 31 - 1;

/** A whole number, also as a text: XML has nothing else. `1.0` counts as 1; undefined for what is no such number. */
export function wholeOf(value: unknown): number | undefined {
  const isNumeral = typeof value === 'string' && /^\s*\+?\d{1,20}(?:\.0{1,20})?\s*$/.test(value);
  const number = isNumeral ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}

interface Range {
  readonly least: number;
  readonly most: number;
}

export function readWhole(value: unknown, { field, problems }: Place, range: Range): number | undefined {
  if (!isGiven(value)) return undefined;
  const number = wholeOf(value);
  if (number !== undefined && number >= range.least && number <= range.most) return number;
  const shown = typeof value === 'number' ? value : undefined;
  const expected = `a whole number from ${range.least} to ${range.most}`;
  if (shown === undefined) problems.expected(field, expected, value);
  else problems.add(`${field}: expected ${expected}, got ${shown}`);
  return undefined;
}

const flags: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ['true', true],
  ['false', false],
]);

export function readFlag(value: unknown, { field, problems }: Place): boolean | undefined {
  if (!isGiven(value)) return undefined;
  const flag = flags.get(value);
  if (flag === undefined) problems.expected(field, '`true` or `false`', value);
  return flag;
}

/** A list of texts, or a single one. An entry may be empty: it is an argument like any other. */
export function readTexts(value: unknown, { field, problems }: Place): readonly string[] | undefined {
  if (!isGiven(value)) return undefined;
  const list = Array.isArray(value) ? value : [textOf(value)];
  for (const [index, entry] of list.entries()) {
    if (problems.isFull) break;
    const place = Array.isArray(value) ? `${field}[${index}]` : field;
    if (typeof entry !== 'string') problems.expected(place, aText(entry), entry);
    else if (!isWellFormed(entry)) problems.expected(place, 'well-formed text', entry);
  }
  return list.every((entry) => typeof entry === 'string') ? list : undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}
