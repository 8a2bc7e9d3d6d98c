// Parses JSON bodies with limits on depth and size, and refuses duplicate fields.

import { describe, quote } from './sentence.js';

/** Far deeper than any format we read. */
const deepest = 64;
/** The longest lists we accept hold 4096 texts; each text, list and object costs memory, even in fields that are ignored. */
const mostTokens = 100_000;

export type ParsedObject =
  | { readonly object: Readonly<Record<string, unknown>> }
  | { readonly problem: string };

/**
 * Parses a JSON object; `name` names it in the problem. A duplicate field is refused, because two parsers could pick
 * different values.
 */
export function parseJsonObject(text: string, name: string): ParsedObject {
  const skeleton = readSkeleton(text);
  if (skeleton.problem !== undefined) return { problem: `Expected ${name} to ${skeleton.problem}.` };
  const value = parse(text);
  if (value === undefined)
    return { problem: `Expected ${name} to be JSON, got ${describeBroken(text, skeleton)}.` };
  if (!isObject(value.parsed))
    return { problem: `Expected ${name} to be a JSON object, got ${describe(value.parsed)}.` };
  if (skeleton.twice !== undefined)
    return { problem: `Expected ${name} to name each field once, got ${quote(skeleton.twice)} twice.` };
  return { object: value.parsed };
}

/** Drops the parser's error text, because it quotes the JSON, which may hold secrets. */
function parse(text: string): { parsed: unknown } | undefined {
  try {
    return { parsed: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describeBroken(text: string, skeleton: Skeleton): string {
  if (text.trim() === '') return 'nothing';
  return skeleton.open ? 'text that ends too early' : 'something else';
}

/** What can be found out without building values. */
interface Skeleton {
  /** Too deep or too much to be parsed at all. */
  readonly problem: string | undefined;
  /** A duplicate field of the outermost object. */
  readonly twice: string | undefined;
  /** A text, list or object is not closed at the end. */
  readonly open: boolean;
}

function readSkeleton(text: string): Skeleton {
  const fields = new Set<string>();
  let twice: string | undefined;
  let depth = 0;
  let tokens = 0;
  for (const { mark, start, end } of marksOf(text)) {
    tokens += 1;
    depth += depthChange(mark);
    if (depth > deepest) return tooMuch(`be nested at most ${deepest} levels deep, got more`);
    if (tokens > mostTokens) return tooMuch(`hold at most ${mostTokens} texts, lists and objects, got more`);
    if (end === undefined) return { problem: undefined, twice, open: true };
    const field = mark === '"' && depth === 1 ? fieldAt(text, start, end) : undefined;
    if (field !== undefined && fields.has(field)) twice ??= field;
    if (field !== undefined) fields.add(field);
  }
  return { problem: undefined, twice, open: depth > 0 };
}

interface Mark {
  readonly mark: string;
  readonly start: number;
  /** Undefined for a text that does not end. */
  readonly end: number | undefined;
}

/** Finds quotes and brackets only. Texts are skipped with `indexOf`, not scanned: content may have many megabytes. */
function* marksOf(text: string): Generator<Mark> {
  const anyMark = /["{}[\]]/g;
  for (let found = anyMark.exec(text); found !== null; found = anyMark.exec(text)) {
    const [mark] = found;
    const end = mark === '"' ? endOfText(text, found.index) : found.index + 1;
    yield { mark, start: found.index, end };
    anyMark.lastIndex = end ?? text.length;
  }
}

function tooMuch(problem: string): Skeleton {
  return { problem, twice: undefined, open: false };
}

function depthChange(mark: string): number {
  if (mark === '{' || mark === '[') return 1;
  return mark === '"' ? 0 : -1;
}

/** The place after the closing quote; undefined when there is none. */
function endOfText(text: string, open: number): number | undefined {
  let quoted = text.indexOf('"', open + 1);
  while (quoted >= 0 && isEscaped(text, quoted)) quoted = text.indexOf('"', quoted + 1);
  return quoted < 0 ? undefined : quoted + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** The name of a field, unescaped: `"a"` and `"\u0061"` are the same. A colon after it distinguishes it from a value. */
function fieldAt(text: string, start: number, end: number): string | undefined {
  const colon = /[ \t\r\n]*:/y;
  colon.lastIndex = end;
  if (!colon.test(text)) return undefined;
  const name = parse(text.slice(start, end))?.parsed;
  return typeof name === 'string' ? name : undefined;
}
