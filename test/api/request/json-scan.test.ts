import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/api/request/json.js';
import { JsonScan, jsonBounds } from '../../../src/api/request/json-scan.js';

/** How many steps a scan of these bytes takes; each step is a few instructions and one native search at most. */
function stepsOf(text: string): { steps: number; problem: string | undefined } {
  const scan = new JsonScan(Buffer.from(text));
  let steps = 1;
  while (!scan.advance(1)) steps++;
  return { steps, problem: scan.problem };
}

const bytes = 400_000;
const filled = (start: string, piece: string, end = '') =>
  start + piece.repeat(Math.floor((bytes - start.length) / piece.length)) + end;

test.each([
  ['numbers in a list', filled('{"run":[', '0,', '0]}'), 'hold at most 30000 values'],
  ['empty texts in a list', filled('{"run":[', '"",', '""]}'), 'hold at most 30000 values'],
  ['empty lists in a list', filled('{"run":[', '[],', '[]]}'), 'hold at most 30000 values'],
  ['names without values', filled('{', '"":', '1}'), 'hold at most 30000 values'],
  ['lists in lists', filled('{"run":', '['), 'be nested at most 64 levels deep'],
  ['objects in objects', filled('', '{"a":'), 'be nested at most 64 levels deep'],
  ['a long name', filled('{"', 'a', '":1}'), 'have names of at most 1024 bytes'],
  ['a long name further in', filled('{"a":{"', 'a', '":1}}'), 'have names of at most 1024 bytes'],
  ['a long number', filled('{"run":1', '0', '}'), 'hold numbers of at most 1024 digits'],
])('a text is refused before anything is built of it: %s', async (_, text, expected) => {
  const { steps, problem } = stepsOf(text);

  expect(problem).toBe(`${expected}, got more`);
  expect(steps).toBeLessThan(3 * jsonBounds.values + 10);
  expect(await parseJsonObject(Buffer.from(text), 'it')).toEqual({
    problem: `Expected it to ${expected}, got more.`,
  });
});

test('a text with more escapes than any encoder writes is refused', () => {
  expect(stepsOf(`{"a":"${'\\"'.repeat(jsonBounds.escapes + 1)}"}`).problem).toBe(
    'hold at most 1000000 escapes, got more',
  );
});

test('a long text is skipped, and one with escapes is searched through once', () => {
  expect(stepsOf(filled('{"content":"', 'a', '"}')).steps).toBeLessThan(30);
  expect(stepsOf(filled('{"content":"', '\\/aaaaaa', '"}')).steps).toBeLessThan(bytes / 8 + 30);
});

test('no text takes more steps than it has bytes', () => {
  const pieces = fc.constantFrom(...'{}[]"\\:,a 1', '\\"', '"a":', '[[', '{"a":1},');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
      const text = parts.join('');

      expect(stepsOf(text).steps).toBeLessThanOrEqual(2 * text.length + 2);
    }),
  );
});

test('the bounds leave room for the largest request that a client may send', async () => {
  const entries = Array.from({ length: 4096 }, (_, index) => `V${index}="x"`);
  const object = { run: entries, entrypoint: entries, env_vars: entries, secret_refs: entries };

  expect(await parseJsonObject(Buffer.from(JSON.stringify(object)), 'it')).toEqual({ object });
});
