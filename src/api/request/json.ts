// Reads a JSON object from a stranger: bounds it first, parses it afterwards, and yields to others meanwhile.
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Span, textWithout } from '../../job/payload/long-text.js';
import { findBreak } from './json-break.js';
import { JsonScan, jsonBounds, type LongText, type NameSpan } from './json-scan.js';
import { decodeText } from './json-text.js';
import { describe, quote } from './sentence.js';

export interface ParseOptions {
  /** How much of a long text is decoded before others are served again. */
  readonly pieceBytes?: number;
  /** How deep in the text a field must not stand twice; 1, the outermost object, by default. */
  readonly namesDepth?: number;
  /** The whole is short: its texts stay texts, and the problem says where it stops being JSON. */
  readonly isShort?: boolean;
}

export type ParsedValue = { readonly value: unknown } | { readonly problem: string };

export type ParsedObject =
  | { readonly object: Readonly<Record<string, unknown>> }
  | { readonly problem: string };

/** Parses a JSON object; see `parseJson`. */
export async function parseJsonObject(
  given: Buffer,
  name: string,
  options: ParseOptions = {},
): Promise<ParsedObject> {
  const parsed = await parseJson(given, name, options);
  if ('problem' in parsed) return parsed;
  if (isObject(parsed.value)) return { object: parsed.value };
  return { problem: `Expected ${name} to be a JSON object, got ${describe(parsed.value)}.` };
}

/**
 * Parses JSON in UTF-8; `name` says what it is in the problem. A field that stands twice in an object is refused: two
 * readers would pick different ones. What exceeds `jsonBounds` is refused before anything is built. A field with a text of
 * more than `longTextBytes` gets its bytes in UTF-8 instead (`Uint8Array`), decoded in pieces between which others are served.
 * They stand in the given buffer, which is changed and must not be used any more.
 */
export async function parseJson(
  given: Buffer,
  name: string,
  { pieceBytes = 128 * 1024, namesDepth = 1, isShort = false }: ParseOptions = {},
): Promise<ParsedValue> {
  const bytes = withoutByteOrderMark(given);
  if (!isUtf8(bytes)) return { problem: `Expected ${name} to be text in UTF-8, got other bytes.` };
  const scan = await scanAll(bytes, namesDepth);
  if (scan.problem !== undefined) return { problem: `Expected ${name} to ${scan.problem}.` };
  const longTexts = isShort ? [] : scan.longTexts;
  if (restBytes(bytes, longTexts) > jsonBounds.restBytes)
    return {
      problem: `Expected ${name} to hold at most ${jsonBounds.restBytes} bytes beside long texts, got more.`,
    };
  const value = await parse(bytes, longTexts, pieceBytes);
  if (value === undefined) return { problem: brokenJson(name, scan, isShort ? bytes : undefined) };
  const twice = await findTwice(bytes, scan.names);
  if (twice !== undefined)
    return { problem: `Expected ${name} to name each field once, got ${quote(twice)} twice.` };
  return { value: value.parsed };
}

function restBytes(bytes: Buffer, longTexts: readonly Span[]): number {
  return longTexts.reduce((rest, { start, end }) => rest - (end - start), bytes.length);
}

/** Some editors put it in front of what they save. */
function withoutByteOrderMark(bytes: Buffer): Buffer {
  return bytes.length < 3 || bytes.readUIntBE(0, 3) !== 0xefbbbf ? bytes : bytes.subarray(3);
}

/** A millisecond or two of work, in code that was not compiled yet too: each step is a few instructions. */
const stepsAtOnce = 10_000;

async function scanAll(bytes: Buffer, namesDepth: number): Promise<JsonScan> {
  const scan = new JsonScan(bytes, namesDepth);
  while (!scan.advance(stepsAtOnce)) await nextTurn();
  return scan;
}

/** Stands for a long text while the rest is parsed. Random, so that no body can forge one. */
const mark = `#long:${randomBytes(16).toString('hex')}:`;

function markOf(index: number): string {
  return `${mark}${index}`;
}

/** The parser's own words quote the JSON, which may hold secrets. */
async function parse(
  bytes: Buffer,
  longTexts: readonly LongText[],
  pieceBytes: number,
): Promise<{ parsed: unknown } | undefined> {
  try {
    const rest = textWithout(bytes, longTexts, (index) => `"${markOf(index)}"`);
    await nextTurn();
    const parsed: unknown = JSON.parse(rest);
    await nextTurn();
    if (isObject(parsed)) await fillIn(parsed, { bytes, longTexts, pieceBytes });
    return { parsed };
  } catch {
    return undefined;
  }
}

interface LongTexts {
  readonly bytes: Buffer;
  readonly longTexts: readonly LongText[];
  readonly pieceBytes: number;
}

/** In place: nobody else has the object yet. Its other fields, of which there may be very many, are not looked through. */
async function fillIn(
  object: Record<string, unknown>,
  { bytes, longTexts, pieceBytes }: LongTexts,
): Promise<void> {
  for (const [index, text] of longTexts.entries()) {
    if (text.name === undefined) continue;
    const field = nameAt(bytes, text.name);
    if (object[field] === markOf(index)) object[field] = await decodeText(bytes, text, pieceBytes);
  }
}

/** Unescaped: `"a"` and `"\u0061"` are the same name. */
function nameAt(bytes: Buffer, { start, end }: Span): string {
  return JSON.parse(bytes.toString('utf8', start, end)) as string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `bytes` where the place is to be told. */
function brokenJson(name: string, scan: JsonScan, bytes: Buffer | undefined): string {
  const at = bytes === undefined || scan.isBlank ? undefined : findBreak(bytes.toString());
  const place = at === undefined ? '' : ` at character ${at + 1}`;
  return `Expected ${name} to be JSON, got ${describeBroken(scan)}${place}.`;
}

function describeBroken(scan: JsonScan): string {
  if (scan.isBlank) return 'nothing';
  return scan.isOpen ? 'text that ends too early' : 'something else';
}

/** A millisecond or two of work. */
const namesAtOnce = 500;

async function findTwice(bytes: Buffer, names: readonly NameSpan[]): Promise<string | undefined> {
  const seen = new Set<string>();
  for (const [index, span] of names.entries()) {
    if (index % namesAtOnce === namesAtOnce - 1) await nextTurn();
    const name = nameAt(bytes, span);
    const key = `${span.object} ${name}`;
    if (seen.has(key)) return name;
    seen.add(key);
  }
  return undefined;
}
