// Reads the query parameters of GoStint's job list.

import { checkFields } from '../../job/check.js';
import { RefusedError } from '../../job/errors.js';
import type { JobFilter, StateFilter } from '../../queue/queue.js';
import { joinProblems, quote } from '../request/sentence.js';
import { filtersOf, statusWords } from './states.js';

export type Query = ReadonlyMap<string, readonly string[]>;

/** The parameters after the `?`. Throws `RefusedError` when an escape in them is invalid. */
export function readQuery(url: string): Query {
  const query = new Map<string, string[]>();
  for (const part of new URL(url).search.slice(1).split('&')) {
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : decode(part.slice(equals + 1));
    const values = query.get(name);
    if (values === undefined) query.set(name, [value]);
    else values.push(value);
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw refused(['Expected the query to be percent-encoded UTF-8, got something else.']);
  }
}

const defaultLimit = 10;
const largestLimit = 100;

/** Which jobs a list shows. `skip` ignores invalid values, as in GoStint; the others are stint's own, and strict. */
export function readFilter(query: Query): JobFilter {
  const problems: string[] = [];
  const limit = readLimit(query.get('limit')?.[0], problems);
  const queue = query.get('qname')?.[0]?.toLowerCase();
  if (queue !== undefined) problems.push(...checkFields({ queue }, { queue: 'qname' }));
  const states = query.get('status')?.flatMap((word) => readStatus(word, problems));
  if (problems.length > 0) throw refused(problems);
  return {
    skip: readSkip(query.get('skip')?.[0]),
    limit,
    ...(queue !== undefined && { queue }),
    ...(states !== undefined && { states }),
  };
}

function readSkip(text: string | undefined): number {
  const skip = /^\d+$/.test(text ?? '') ? Number(text) : 0;
  return Number.isSafeInteger(skip) ? skip : 0;
}

function readLimit(text: string | undefined, problems: string[]): number {
  if (text === undefined || text === '') return defaultLimit;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > largestLimit)
    problems.push(`Expected \`limit\` to be a whole number from 1 to ${largestLimit}, got ${quote(text)}.`);
  return limit;
}

function readStatus(word: string, problems: string[]): readonly StateFilter[] {
  const filters = filtersOf(word);
  if (filters === undefined) {
    const words = statusWords.map((known) => `\`${known}\``).join(', ');
    problems.push(`Expected \`status\` to be one of ${words}, got ${quote(word)}.`);
  }
  return filters ?? [];
}

function refused(problems: readonly string[]): RefusedError {
  return new RefusedError('invalid_request', joinProblems(problems));
}
