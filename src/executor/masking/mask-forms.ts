// Decides which byte patterns are masked for the secrets of a job.
import type { SecretValues } from '../secrets.js';
import { encodingsOf } from './mask-encodings.js';

/**
 * Values shorter than this stay visible: `true`, `5432` or `admin` occur in words and numbers all over an output.
 * Masked, the output would be useless, and a reader who knows the text could guess the value from the gaps.
 */
const shortestValue = 6;
/**
 * Shorter lines of a value stay visible: a line of a config file may be a brace or a short word, which is no secret.
 */
const shortestLine = 8;
/**
 * Limit for the encoded forms of all values; each of their bytes costs about 30 bytes of memory. Short values come
 * first.
 */
const mostFormBytes = 1024 * 1024;

/** Each value, its lines, and their encoded forms. */
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

/** Names of the secrets whose values stay visible because they are too short. */
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

/** The first and last lines of a PEM file are public, and part of every certificate that a job may print. */
const pemFrame = /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/;

function linesOf(value: string): string[] {
  const lines = value.split(lineBreak);
  if (lines.length === 1) return [];
  return lines
    .map((line) => line.trim())
    .filter((line) => isLong(shortestLine)(line) && !pemFrame.test(line) && /\w/.test(line));
}

/** A terminal turns each LF into CR LF, and a shell joins the lines of an unquoted value by spaces. */
function lineVariants(value: string): string[] {
  const lines = value.split(lineBreak);
  if (lines.length === 1) return [];
  const words = lines.map((line) => line.trim()).filter((line) => line !== '');
  return [lines.join('\n'), lines.join('\r\n'), value.replaceAll('\n', '\r\n'), words.join(' ')];
}

function isLong(least: number): (text: string) => boolean {
  return (text) => Buffer.byteLength(text) >= least;
}
