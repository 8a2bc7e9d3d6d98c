// Reads the small bodies: how to scale, which signal, which state.

import type { Scaling } from './supervision/changes.js';

/** A change, or with `=` a number to set; undefined for anything else. */
export function parseScale(value: unknown): Scaling | undefined {
  if (typeof value === 'number') return isSmall(value) ? { add: value } : undefined;
  const [, sign, digits] = typeof value === 'string' ? (/^([-+=]?)(\d{1,6})$/.exec(value) ?? []) : [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (sign === '=') return { set: number };
  return { add: sign === '-' ? -number : number };
}

function isSmall(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 1_000_000;
}

/** Linux's names in the order of their numbers, from 1. */
const signals = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU ' +
  'XFSZ VTALRM PROF WINCH IO PWR SYS'
).split(' ');
const otherNames: Readonly<Record<string, string>> = { IOT: 'ABRT', CLD: 'CHLD', POLL: 'IO' };
/** The last of the real-time signals, which have no names of their own. */
const highestSignal = 64;

/** Linux's number of a signal that is given as such, or by its name with or without `SIG`. */
export function parseSignal(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,2}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number')
    return Number.isInteger(number) && number >= 1 && number <= highestSignal ? number : undefined;
  if (typeof value !== 'string' || value.length > 16) return undefined;
  const name = value.toUpperCase().replace(/^SIG/, '');
  const known = Object.hasOwn(otherNames, name) ? (otherNames[name] ?? name) : name;
  const index = signals.indexOf(known);
  return index < 0 ? undefined : index + 1;
}
