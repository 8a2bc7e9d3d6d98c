// Readers of single values of a JSON body: each gives the value in our form, or notes why it cannot.

import { describe, isWellFormed, quote } from './sentence.js';

/**
 * Reads a value that was given. `place` begins the sentence of a problem. Undefined: not given after all, or a problem
 * was noted. `null` never gets here: it means "not given".
 */
export type Read<T> = (value: unknown, place: string, problems: string[]) => T | undefined;

/** Of one list or map: the rest of a hostile one is not looked at. */
const mostProblems = 6;
const mostEntries = 4096;

export const text: Read<string> = (value, place, problems) => {
  if (typeof value === 'string' && isWellFormed(value)) return value === '' ? undefined : value;
  return note(problems, place, 'a text', describe(value));
};

export const flag: Read<boolean> = (value, place, problems) =>
  typeof value === 'boolean' ? value : note(problems, place, '`true` or `false`', describe(value));

/** A text of which `shape` says what it must look like, and `parse` what it means. */
export function parsed<T>(shape: string, parse: (text: string) => T | undefined): Read<T> {
  return (value, place, problems) => {
    if (value === '') return undefined;
    const meant = typeof value === 'string' ? parse(value) : undefined;
    return meant ?? note(problems, place, shape, showText(value));
  };
}

/** A number of JSON, or a text that holds one. */
export const amount: Read<number> = (value, place, problems) => {
  if (value === '') return undefined;
  const number = typeof value === 'string' && /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value;
  const fits = typeof number === 'number' && number >= 0 && number <= 1e15;
  return fits ? number : note(problems, place, 'a number of at least 0', showNumber(value));
};

export function whole(least: number, most: number): Read<number> {
  return (value, place, problems) => {
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
    return fits ? value : note(problems, place, `a whole number from ${least} to ${most}`, showNumber(value));
  };
}

export function listOf<T>(read: Read<T>): Read<readonly T[]> {
  return (value, place, problems) => {
    if (!Array.isArray(value)) return note(problems, place, 'a list', describe(value));
    if (value.length > mostEntries) return noteTooMany(problems, place, value.length);
    const entries = value.map((entry, index) => [`entry ${index + 1} of ${place}`, entry] as const);
    return readEntries(entries, { read, problems });
  };
}

/** The entries of a map in their order, each as `read` makes it of name and value. */
export function mapOf<T>(read: (name: string) => Read<T>): Read<readonly T[]> {
  return (value, place, problems) => {
    if (!isObject(value)) return note(problems, place, 'a map', describe(value));
    const given = Object.entries(value);
    if (given.length > mostEntries) return noteTooMany(problems, place, given.length);
    const entries = given.map(([name, each]) => [quote(name), { name, each }] as const);
    const readEntry: Read<T> = (entry, at, found) => {
      const { name, each } = entry as { name: string; each: unknown }; // Made right above.
      return read(name)(each, `${at} of ${place}`, found);
    };
    return readEntries(entries, { read: readEntry, problems });
  };
}

function noteTooMany(problems: string[], place: string, count: number): undefined {
  problems.push(`${place} must have at most ${mostEntries} entries, got ${count}.`);
  return undefined;
}

interface Reading<T> {
  readonly read: Read<T>;
  readonly problems: string[];
}

function readEntries<T>(entries: readonly (readonly [string, unknown])[], reading: Reading<T>): T[] {
  const { read, problems } = reading;
  const most = problems.length + mostProblems;
  const found: T[] = [];
  for (const [at, entry] of entries) {
    const value = read(entry, at, problems);
    if (value !== undefined) found.push(value);
    if (problems.length >= most) break;
  }
  return found;
}

export type Shape = Readonly<Record<string, Read<unknown>>>;
export type Fields<S extends Shape> = { readonly [Name in keyof S]?: NonNullable<ReturnType<S[Name]>> };

/** The fields of an object that a shape knows; others are ignored. `inside` is added to the place of each. */
export function readFields<S extends Shape>(
  object: Readonly<Record<string, unknown>>,
  shape: S,
  { inside = '', problems }: { readonly inside?: string; readonly problems: string[] },
): Fields<S> {
  const found: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(shape)) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    const meant = value === undefined || value === null ? undefined : read(value, name + inside, problems);
    if (meant !== undefined) found[name] = meant;
  }
  return found as Fields<S>; // Each by the reader of its name.
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Notes a problem and stands for the value that there is not. */
export function note(problems: string[], place: string, expected: string, got: string): undefined {
  problems.push(`${place} must be ${expected}, got ${got}.`);
  return undefined;
}

/** Only of fields that hold no secret. */
export function showText(value: unknown): string {
  return typeof value === 'string' && isWellFormed(value) ? quote(value) : describe(value);
}

function showNumber(value: unknown): string {
  return typeof value === 'number' ? String(value) : showText(value);
}
