// Parses secret references and groups them by path, so that each path is read only once.

import { JobFailedError } from '../../job/errors.js';
import { findReferenceProblem, secretReferencePattern } from '../../job/reference.js';

/** One variable of a job and where its value is. */
export interface Reference {
  readonly variable: string;
  /** Without slashes at its ends, as it is sent to Vault. */
  readonly path: string;
  readonly key: string;
  /** The secret need not have the key. */
  readonly isOptional?: true;
}

/** One path and all references to it: one read answers them all. */
export interface PathRead {
  readonly path: string;
  readonly references: readonly Reference[];
}

/**
 * Groups `NAME@PATH.KEY` texts by distinct path, because each path is read once: a lease read twice gives two users
 * with passwords that do not match. A later entry for the same variable replaces an earlier one.
 *
 * Throws `JobFailedError` `reference_invalid` with every entry that is wrong, in one text.
 */
export function groupReferences(texts: readonly string[]): PathRead[] {
  const byVariable = new Map<string, Reference>();
  for (const reference of parseAll(texts)) byVariable.set(reference.variable, reference);
  const byPath = new Map<string, Reference[]>();
  for (const reference of byVariable.values()) {
    byPath.set(reference.path, [...(byPath.get(reference.path) ?? []), reference]);
  }
  return [...byPath].map(([path, references]) => ({ path, references }));
}

/** One read of whatever a secret has of these keys. */
export function keysRead(path: string, keys: readonly string[]): PathRead {
  const plain = plainPath(path);
  return {
    path: plain,
    references: keys.map((key) => ({ variable: key, path: plain, key, isOptional: true })),
  };
}

function parseAll(texts: readonly string[]): Reference[] {
  const problems: string[] = [];
  const references = texts.flatMap((text, index) => {
    const parsed = parseReference(text);
    if (typeof parsed !== 'string') return [parsed];
    problems.push(
      `Expected entry ${index + 1} of the secret references to be \`NAME@PATH.KEY\`, got ${quote(text)}: ${parsed}.`,
    );
    return [];
  });
  if (problems.length === 0) return references;
  throw new JobFailedError('secrets_refused', 'reference_invalid', problems.join(' '));
}

/** The reference, or why the text is not one. */
function parseReference(text: string): Reference | string {
  const problem = findReferenceProblem(text);
  if (problem !== undefined) return problem;
  const [, variable = '', rawPath = '', key = ''] = secretReferencePattern.exec(text) ?? [];
  const path = plainPath(rawPath);
  return path === '' ? 'the path holds only slashes' : { variable, path, key };
}

/** Extra slashes are dropped, as GoStint's client library did. */
function plainPath(path: string): string {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
}

const longestQuote = 100;

function quote(text: string): string {
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}
