// Reads the claims to volumes of a Run:AI job, in both forms that its clients write.

import { flag, isObject, note, type Read, readFields, showText, text } from '../request/readers.js';

export interface WireClaim {
  /** Of a volume that is there; undefined: one is to be made. */
  readonly name: string | undefined;
  readonly path: string;
  readonly readOnly: boolean;
}

const claimShape = { name: text, storageClass: text, size: text, path: text, readOnly: flag };

export const claim: Read<WireClaim> = (value, place, problems) => {
  if (typeof value === 'string')
    return parseClaim(value) ?? note(problems, place, 'a claim such as `NAME:/path:ro`', showText(value));
  if (!isObject(value)) return note(problems, place, 'an object or a text', showText(value));
  const read = readFields(value, claimShape, { inside: ` in ${place}`, problems });
  const { name, storageClass, size, path, readOnly = false } = read;
  if (path === undefined) return note(problems, place, 'a claim with a `path`', 'one without');
  const isNew = storageClass !== undefined || size !== undefined;
  return { name: isNew ? undefined : name, path, readOnly };
};

/** `NAME:PATH` as the command line has it for a volume that is there, `[CLASS]:SIZE:PATH` for a new one; `:ro` may follow. */
function parseClaim(given: string): WireClaim | undefined {
  const [, rest = '', mode] = /^(.*?)(?::(ro|rw))?$/s.exec(given) ?? [];
  const parts = rest.split(':');
  const path = parts.at(-1) ?? '';
  const name = parts.length === 2 ? parts[0] : undefined;
  if (parts.length < 2 || parts.length > 3 || path === '' || name === '') return undefined;
  return { name, path, readOnly: mode === 'ro' };
}
