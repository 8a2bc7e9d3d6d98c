import type { SecretValues } from '../secrets.js';
import { encodingsOf } from './mask-encodings.js';

/**
 * Values shorter than this stay visible: `true`, `5432` or `admin` would be found in words and numbers all over an
 * output, which would be of no use then, and whoever knows the text could read such a value off the gaps.
 */
const shortestValue = 6;
/** A single line of a value may be any config's line: braces and short words are no secrets. */
const shortestLine = 8;
/** Room for the further forms of a job's values; a state takes some 30 bytes for each. Small values come first. */
const mostFormBytes = 1024 * 1024;

/** All byte strings that must not be seen: each value, its lines, and how they look when a tool has encoded them. */
export function patternsOf(secrets: SecretValues): Uint8Array[] {
  const values = new Set([...secrets.values()].map((secret) => secret.reveal().trim()));
  const ascending = [...values].filter(isLong(shortestValue)).toSorted((a, b) => a.length - b.length);
  const patterns = new Set<string>(ascending.flatMap((value) => [value, ...linesOf(value)]));
  let room = mostFormBytes;
  for (const form of ascending.flatMap(formsOf)) {
    if (patterns.has(form) || !isLong(shortestValue)(form)) continue;
    room -= Buffer.byteLength(form);
    if (room < 0) break;
    patterns.add(form);
  }
  return Array.from(patterns, (pattern) => Buffer.from(pattern));
}

/** Names of the secrets whose values stay visible, since they are too short. */
export function namesOfUnmasked(secrets: SecretValues): string[] {
  return [...secrets].flatMap(([name, secret]) => (isUnmasked(secret.reveal().trim()) ? [name] : []));
}

function isUnmasked(value: string): boolean {
  return value !== '' && !isLong(shortestValue)(value);
}

function formsOf(value: string): string[] {
  return [...lineVariants(value), ...encodingsOf(value)];
}

const lineBreak = /\r\n|\n|\r/;

/** The frame of a PEM file is public, and part of every certificate that a job may print. */
const frame = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;

function linesOf(value: string): string[] {
  const lines = value.split(lineBreak);
  if (lines.length === 1) return [];
  return lines
    .map((line) => line.trim())
    .filter((line) => isLong(shortestLine)(line) && !frame.test(line) && /\w/.test(line));
}

/** A terminal turns each LF into CR LF, and a shell that was not told to quote joins lines by a blank. */
function lineVariants(value: string): string[] {
  const lines = value.split(lineBreak);
  if (lines.length === 1) return [];
  const words = lines.map((line) => line.trim()).filter((line) => line !== '');
  return [lines.join('\n'), lines.join('\r\n'), value.replaceAll('\n', '\r\n'), words.join(' ')];
}

function isLong(least: number): (text: string) => boolean {
  return (text) => Buffer.byteLength(text) >= least;
}
