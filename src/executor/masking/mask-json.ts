// Finds the leaves of a secret that is JSON: texts as they mean, numbers as they were written.
import { piecesOfJson } from '../../job/json-strings.js';

/** Undefined where the text is not JSON. Names of fields are no leaves, and no more are `true`, `false` and `null`. */
export function leavesOfJson(text: string): string[] | undefined {
  if (!/^[[{"]/.test(text)) return undefined;
  try {
    return [...textsIn(JSON.parse(text)), ...numbersIn(text)];
  } catch {
    return undefined; // Its message quotes the secret, so it goes no further.
  }
}

/** Not recursive: a secret may be as deep as it is long. */
function textsIn(root: unknown): string[] {
  const found: string[] = [];
  const waiting = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string') found.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const child of Object.values(value)) waiting.push(child);
  }
  return found;
}

function numbersIn(text: string): string[] {
  const found: string[] = [];
  for (const { piece, isString } of piecesOfJson(text)) {
    if (!isString) found.push(...(piece.match(/-?\d[\d.eE+-]*/g) ?? []));
  }
  return found;
}
