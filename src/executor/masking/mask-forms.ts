// Decides which byte patterns are masked for the secrets of a job.
import type { SecretValues } from '../secrets.js';
import { encodingsOf } from './mask-encodings.js';
import { leavesOf } from './mask-leaves.js';
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
}

/**
 * Each value, the parts of it that are secrets themselves, the lines of both, and their encoded forms. What belongs to
 * several secrets counts for one of them.
 */
export function patternsOf(secrets: SecretValues): NamedPatterns {
  const values = new Map<string, number>();
  for (const [owner, secret] of [...secrets.values()].entries())
    for (const value of withLeaves(secret.reveal().trim())) setNew(values, value, owner);
  const ascending = [...values].toSorted(([a], [b]) => a.length - b.length);
  const patterns = new Map<string, number>();
  for (const [value, owner] of ascending)
    for (const text of [value, ...linesOf(value)]) setNew(patterns, text, owner);
  addForms(patterns, ascending);
  const texts = Array.from(patterns.keys(), (pattern) => Buffer.from(pattern));
  return { patterns: texts, owners: [...patterns.values()], names: [...secrets.keys()] };
}

function setNew(map: Map<string, number>, key: string, value: number): void {
  if (!map.has(key)) map.set(key, value);
}

/** No value is encoded for which there is certainly no room. */
function addForms(patterns: Map<string, number>, values: readonly (readonly [string, number])[]): void {
  let room = mostFormBytes;
  for (const [value, owner] of values) {
    if (value.length > room) return;
    for (const form of formsOf(value)) {
      if (patterns.has(form) || !isLongEnough(form)) continue;
      room -= Buffer.byteLength(form);
      if (room < 0) return;
      patterns.set(form, owner);
    }
  }
}

/** Names of the secrets that stay visible, whole or in part, since they are too short or have too many parts. */
export function namesOfUnmasked(secrets: SecretValues): string[] {
  return [...secrets].flatMap(([name, secret]) => (isMasked(secret.reveal().trim()) ? [] : [name]));
}

function isMasked(value: string): boolean {
  return value === '' || (isLongEnough(value) && leavesOf(value).isWhole);
}

function withLeaves(value: string): string[] {
  return isLongEnough(value) ? [value, ...leavesOf(value).texts] : [];
}

function* formsOf(value: string): Generator<string> {
  yield* lineVariants(value);
  yield* encodingsOf(value);
}

const lineBreak = /\r\n|\n|\r/;

/** The first and last lines of a PEM file are public, and part of every certificate that a job may print. */
const pemFrame = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;

function linesOf(value: string): string[] {
  const lines = value.split(lineBreak);
  if (lines.length === 1) return [];
  return lines
    .map((line) => line.trim())
    .filter((line) => isLongLine(line) && !pemFrame.test(line) && /\w/.test(line));
}

/** A terminal turns each LF into CR LF, and a shell joins the lines of an unquoted value by spaces. */
function lineVariants(value: string): string[] {
  const lines = value.split(lineBreak);
  if (lines.length === 1) return [];
  const words = lines.map((line) => line.trim()).filter((line) => line !== '');
  return [lines.join('\n'), lines.join('\r\n'), value.replaceAll('\n', '\r\n'), words.join(' ')];
}
