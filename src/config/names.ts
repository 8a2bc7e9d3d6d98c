// Finds misspelled `STINT_` variables and suggests the nearest known name.
import { type Setting, settings } from './settings.js';

/** Every variable that stint reads. */
const known = (settings as readonly Setting[]).flatMap((setting) => {
  const names = setting.alias === undefined ? [setting.name] : [setting.name, setting.alias];
  return setting.secret === true ? names.flatMap((name) => [name, `${name}_FILE`]) : names;
});

/** Prefix of the test rig's own variables: a server that a test starts inherits them. */
const testPrefix = 'STINT_TEST_';

/** One problem for each unknown `STINT_` variable: a misspelled setting must not silently fall back to its default. */
export function findUnknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('STINT_') && !name.startsWith(testPrefix) && !known.includes(name))
    .toSorted()
    .map((name) => `Expected only known STINT_ names, got ${name}: did you mean ${nearest(name)}?`);
}

function nearest(name: string): string {
  const distances = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best)).candidate;
}

/** Number of letters to add, drop or change to turn one text into the other (Levenshtein distance). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...to].entries()) {
      const changed = at(row, column) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, at(row, column + 1) + 1, at(next, column) + 1));
    }
    row = next;
  }
  return at(row, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
