// Reads a variable of a job's environment from a map of JSON.

import { note, type Read } from './readers.js';

/** `NAME=value` with the value as JSON spells it; `null` leaves it out. Values may be secret: they are never shown. */
export function variable(name: string): Read<string> {
  return (value, place, problems) => {
    if (name === '' || name.includes('='))
      return note(problems, `the name ${place}`, 'free of `=`', 'it not so');
    if (value === null) return undefined;
    if (typeof value === 'string' && value.isWellFormed()) return `${name}=${value}`;
    if (typeof value === 'boolean' || isExact(value)) return `${name}=${JSON.stringify(value)}`;
    return note(
      problems,
      place,
      'a text, a number that needs no more than 15 digits, `true` or `false`',
      'another value',
    );
  };
}

/** A longer number has lost digits by now. */
function isExact(value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  return !Number.isInteger(value) || Number.isSafeInteger(value);
}
