// Decides which byte patterns are masked for the secrets of a job.
import type { Steps } from '../../job/payload/steps.js';
import type { SecretValues } from '../secrets.js';
import { encodingsOf } from './mask-encodings.js';
import { type Leaves, leavesOf } from './mask-leaves.js';
import { isLongEnough, isLongLine } from './mask-length.js';

/**
 * Limit for the encoded forms of all values; each of their bytes costs about 30 bytes of memory. Short values come
 * first.
 */
const mostFormBytes = 1024 * 1024;

/** What is searched for, and whose it is. */
export interface NamedPatterns {
  readonly patterns: readonly Uint8Array[];
  /** For each pattern the place of its secret among the names. */
  readonly owners: readonly number[];
  readonly names: readonly string[];
  /** Names of the secrets that stay visible, whole or in part, since they are too short or have too many parts. */
  readonly unmasked: readonly string[];
}

/**
 * Each value, the parts of it that are secrets themselves, the lines of both, and their encoded forms. What belongs to
 * several secrets counts for one of them.
 */
export function* patternsIn(secrets: SecretValues): Steps<NamedPatterns> {
  const { values, unmasked } = yield* valuesIn(secrets);
  const ascending = [...values].toSorted(([a], [b]) => a.length - b.length);
  const patterns = new Map<string, number>();
  for (const [value, owner] of ascending) yield* addLines(patterns, value, owner);
  yield* addForms(patterns, ascending);
  const texts: Uint8Array[] = [];
  for (const pattern of patterns.keys()) {
    texts.push(Buffer.from(pattern));
    yield;
  }
  return { patterns: texts, owners: [...patterns.values()], names: [...secrets.keys()], unmasked };
}

/** The values that are long enough, with their parts. */
function* valuesIn(secrets: SecretValues): Steps<{ values: Map<string, number>; unmasked: string[] }> {
  const values = new Map<string, number>();
  const unmasked: string[] = [];
  for (const [owner, [name, secret]] of [...secrets].entries()) {
    const value = secret.reveal().trim();
    const isLong = isLongEnough(value);
    const { texts, isWhole } = isLong ? yield* leavesOf(value) : noLeaves;
    if (value !== '' && !(isLong && isWhole)) unmasked.push(name);
    for (const text of isLong ? [value, ...texts] : []) setNew(values, text, owner);
  }
  return { values, unmasked };
}

const noLeaves: Leaves = { texts: [], isWhole: true };

function setNew(map: Map<string, number>, key: string, value: number): void {
  if (!map.has(key)) map.set(key, value);
}

function* addLines(patterns: Map<string, number>, value: string, owner: number): Steps<void> {
  setNew(patterns, value, owner);
  for (const line of linesOf(value)) {
    if (isTelling(line)) setNew(patterns, line, owner);
    yield;
  }
}

/** No value is encoded for which there is certainly no room. */
function* addForms(
  patterns: Map<string, number>,
  values: readonly (readonly [string, number])[],
): Steps<void> {
  let room = mostFormBytes;
  for (const [value, owner] of values) {
    if (value.length > room) return;
    for (const form of formsOf(value)) {
      yield;
      if (patterns.has(form) || !isLongEnough(form)) continue;
      room -= Buffer.byteLength(form);
      if (room < 0) return;
      patterns.set(form, owner);
    }
  }
}

function* formsOf(value: string): Generator<string> {
  yield* lineVariants(value);
  yield* encodingsOf(value);
}

const lineBreak = /\r\n|\n|\r/;

/** The first and last lines of a PEM file are public, and part of every certificate that a job may print. */
const pemFrame = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;

/** Without blanks at their ends. One after another: there may be half a million. */
function* linesOf(value: string): Generator<string> {
  let from = 0;
  for (const { 0: end, index } of value.matchAll(new RegExp(lineBreak, 'g'))) {
    yield value.slice(from, index).trim();
    from = index + end.length;
  }
  yield value.slice(from).trim();
}

function isTelling(line: string): boolean {
  return isLongLine(line) && !pemFrame.test(line) && /\w/.test(line);
}

/** A terminal turns each LF into CR LF, and a shell joins the lines of an unquoted value by spaces. */
function* lineVariants(value: string): Generator<string> {
  if (!lineBreak.test(value)) return;
  const lines = value.split(lineBreak);
  yield lines.join('\n');
  yield lines.join('\r\n');
  yield value.split('\n').join('\r\n');
  const words = lines.map((line) => line.trim()).filter((line) => line !== '');
  yield words.join(' ');
}
