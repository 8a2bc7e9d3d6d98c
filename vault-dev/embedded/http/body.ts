// Reads fields of a request body as leniently as Vault's own framework does.

import { type Fields, Refusal } from './reply.js';

/** A JSON object, neither null nor a list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Empty if it is missing, as in Vault's own framework. */
export function textOf(body: Fields, key: string): string {
  const value = body[key];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** A flag, also if it is sent as a text. */
export function flagOf(body: Fields, key: string, otherwise: boolean): boolean {
  const value = body[key];
  if (value === undefined || value === null) return otherwise;
  return value === true || value === 'true' || value === '1';
}

/** A whole number, also if it is sent as a text. */
export function countOf(body: Fields, key: string, otherwise = 0): number {
  const value = body[key];
  return value === undefined || value === null ? otherwise : Math.trunc(Number(value));
}

/** A list, or a text with commas. */
export function listOf(body: Fields, key: string): string[] {
  const value = body[key];
  const texts = Array.isArray(value) ? value.map(String) : typeof value === 'string' ? value.split(',') : [];
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, ms: 0.001 };

/** Seconds of `90`, `"90"`, `"90s"` or `"1h30m"`. */
export function secondsOf(body: Fields, key: string, otherwise = 0): number {
  const value = body[key];
  if (value === undefined || value === null || value === '') return otherwise;
  return parseSeconds(String(value));
}

/** Throws `Refusal` with Vault's text if it is not a duration. */
export function parseSeconds(text: string): number {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) {
    throw new Refusal(400, `time: invalid duration ${JSON.stringify(text)}`);
  }
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g);
  return [...parts].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? 's'] ?? 1),
    0,
  );
}
