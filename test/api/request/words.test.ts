import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitWords } from '../../../src/api/request/words.js';

test.each<[string, string[]]>([
  ['', []],
  ['   ', []],
  ['true', ['true']],
  ["it's", ["it's"]],
  ['"a"', ['"a"']],
  ['python train.py', ['python', 'train.py']],
  ['  sh\t-c \n exit ', ['sh', '-c', 'exit']],
  [`sh -c 'echo "a b"; exit 3'`, ['sh', '-c', 'echo "a b"; exit 3']],
  [`sh -c "echo \\"a\\" \\$x \\n"`, ['sh', '-c', 'echo "a" $x \\n']],
  ['a\\ b c', ['a b', 'c']],
  [`a "" ''`, ['a', '', '']],
  [`a'b c'"d e"f g`, ['ab cd ef', 'g']],
  ['echo $HOME `id` *', ['echo', '$HOME', '`id`', '*']],
  [`a \\'b`, ['a', "'b"]],
  ['a \\\nb', ['a', 'b']],
])('%j is split into %j', (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test.each([`sh -c 'open`, `sh -c "open`, 'a \\', `a "b\\"`])('%j has no end', (text) => {
  expect(splitWords(text)).toBeUndefined();
});

test('a text of very many words is given up when it has more than a job may have', () => {
  expect(splitWords('a '.repeat(100_000))).toHaveLength(4097);
});

test('a text that is too long to start anything is not taken apart', () => {
  const text = `'${'a '.repeat(1_100_000)}'`;

  expect(splitWords(text)).toEqual([text]);
});

test('a text is split as a shell splits it', () => {
  const piece = fc.constantFrom('a', 'b', ' ', "'", '"', '\\', '\\"', ' x', '-');
  const texts = fc.array(piece, { maxLength: 12 }).map((pieces) => `${pieces.join('')} z`);

  fc.assert(
    fc.property(texts, (text) => {
      const words = splitWords(text);
      fc.pre(words !== undefined);
      expect(words).toEqual(shellWords(text));
    }),
    { numRuns: 40 },
  );
});

/** The words as `sh` sees them, each behind a line that no word can be. */
function shellWords(text: string): string[] {
  const script = `set -- ${text}\nfor word; do printf '%s\\0' "$word"; done`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}
