/** Statements that break nodes of the previous version, and why. */
const rules: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/\bdrop (?:table|column|function|trigger|view)\b/i, 'drops what it still uses'],
  [/\brename\b/i, 'renames what it still calls by the old name'],
  [/\bset not null\b/i, 'refuses rows that it still writes'],
  [/\balter column \S+ (?:set data )?type\b/i, 'changes the type of what it reads and writes'],
  [/\badd (?:constraint|check)\b(?!.*\bnot valid\b)/is, 'refuses rows that it still writes'],
];

/** A new column, which inserts of the previous version leave out. */
const newColumn = /\badd column (?:if not exists )?(\S+)([^,]*)/gi;

/**
 * Why nodes of the previous version could not keep working during and after this migration. Empty: they can. Bodies of
 * functions and comments are ignored: `create or replace` with another signature makes another function.
 */
export function findUnsafe(migration: string): string[] {
  const bare = migration.replaceAll(/--.*$/gm, '').replaceAll(/\$\$.*?\$\$/gs, "''");
  return bare
    .split(';')
    .flatMap((statement) => [
      ...rules.flatMap(([pattern, why]) => (pattern.test(statement) ? [why] : [])),
      ...[...statement.matchAll(newColumn)].flatMap(([, name, terms = '']) =>
        /\bnot null\b/i.test(terms) && !/\bdefault\b/i.test(terms) ? [`wants a value for ${name}`] : [],
      ),
    ]);
}
