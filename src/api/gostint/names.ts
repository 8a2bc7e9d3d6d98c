// Matches the names of fields as GoStint's decoder does: Go's encoding/json takes `Run` and `RUN` for `run`.
import { quote } from '../request/sentence.js';

export type Renamed = { readonly object: Readonly<Record<string, unknown>> } | { readonly problem: string };

/**
 * Gives each field its name from `known`; fields of other names are dropped. Two fields that mean the same are refused:
 * GoStint would take the last one, and another reader the first.
 */
export function matchNames(object: Readonly<Record<string, unknown>>, known: readonly string[]): Renamed {
  const names = new Map(known.map((name) => [name, name]));
  const found = new Map<string, unknown>();
  for (const [given, value] of Object.entries(object)) {
    const name = names.get(fold(given));
    if (name === undefined) continue;
    if (found.has(name))
      return { problem: `Expected \`${name}\` once, got it twice: ${quote(given)} means the same.` };
    found.set(name, value);
  }
  return { object: Object.fromEntries(found) };
}

/** Go folds case as Unicode does (`bytes.EqualFold`): of the letters beyond ASCII, `ſ` is an `s` and the Kelvin sign a `k`. */
function fold(name: string): string {
  return name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}
