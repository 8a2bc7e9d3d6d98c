// Finds the leaves of a secret that is JSON: texts as they mean, numbers as they were written.
import { piecesOfJson } from '../../job/json-strings.js';
import type { Steps } from '../../job/payload/steps.js';

/** Signs that separate values. The parser takes the text in one go: half a million brackets took half a second. */
const mostSigns = 30_000;

/** Undefined where the text is not JSON. Names of fields are no leaves, and no more are `true`, `false` and `null`. */
export function* leavesOfJson(text: string): Steps<string[] | 'too many' | undefined> {
  if (!/^[[{"]/.test(text)) return undefined;
  if (yield* hasTooManyValues(text)) return 'too many';
  try {
    return [...(yield* textsIn(JSON.parse(text))), ...(yield* numbersIn(text))];
  } catch {
    return undefined; // Its message quotes the secret, so it goes no further.
  }
}

function* hasTooManyValues(text: string): Steps<boolean> {
  let signs = 0;
  for (const { piece, isString } of piecesOfJson(text)) {
    for (const _ of isString ? [] : piece.matchAll(/[[{,]/g)) if (++signs > mostSigns) return true;
    yield;
  }
  return false;
}

/** Not recursive: a secret may be as deep as it is long. */
function* textsIn(root: unknown): Steps<string[]> {
  const found: string[] = [];
  const waiting = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string') found.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const child of Object.values(value)) waiting.push(child);
    yield;
  }
  return found;
}

function* numbersIn(text: string): Steps<string[]> {
  const found: string[] = [];
  for (const { piece, isString } of piecesOfJson(text)) {
    if (!isString) found.push(...(piece.match(/-?\d[\d.eE+-]*/g) ?? []));
    yield;
  }
  return found;
}
