import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Tables that are generated from the code. With this variable set they are written instead of compared. */
const isUpdating = process.env.STINT_UPDATE_DOCS !== undefined;

/** Compares a table of a document with what it is generated from. */
export function checkTable(path: string, name: string, table: readonly string[]): void {
  const text = readFileSync(path, 'utf8');
  const [start, end] = [`<!-- table: ${name} -->\n`, '<!-- end -->'];
  const from = text.indexOf(start) + start.length;
  const to = text.indexOf(end, from);
  const made = `${table.join('\n')}\n`;
  if (isUpdating) writeFileSync(path, `${text.slice(0, from)}${made}${text.slice(to)}`);
  expect(isUpdating ? made : text.slice(from, to)).toBe(made);
}
