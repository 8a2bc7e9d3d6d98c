// Reads what a worker calls back with.

import { isObject } from '../../request/readers.js';
import { describe, quote } from '../../request/sentence.js';
import type { Output } from './model.js';

export type Result = { readonly outputs: readonly Output[] } | { readonly problem: string };

/** One output, or a list of them; `null`: done, and nothing to hand on. An empty list is no result. */
export function readResult(value: unknown): Result {
  const given = Array.isArray(value) ? value : [value];
  for (const output of given) {
    const problem = findProblem(output);
    if (problem !== undefined) return { problem };
  }
  return { outputs: given as Output[] }; // Each was looked at.
}

function findProblem(output: unknown): string | undefined {
  if (output === null) return undefined;
  if (!isObject(output)) return `Expected an output to be an object or \`null\`, got ${describe(output)}.`;
  for (const [name, value] of Object.entries(output)) {
    if (!isStorable(name)) return 'Expected the names of an output to be free of NUL characters, got one.';
    if (!isValue(value))
      return `Expected ${quote(name)} of an output to be a text, a number, \`true\`, \`false\` or \`null\`, got ${describe(value)}.`;
  }
  return undefined;
}

function isValue(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  return (
    value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

/** Postgres takes neither in JSON. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
