import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isPlainYaml } from '../../../src/executor/secrets/yaml-plain.js';

const plainTexts = [
  'hunter2',
  'a b',
  'a:b',
  'a#b',
  '/a/b',
  'a@b.c',
  's.vKd8asd8',
  '$2y$05$abc',
  'https://v.example:8200/x?y=1&z',
  'it"s',
  "it's",
  '1a',
  'v1.2.3',
  'trueish',
  'e',
  'e5f',
  'a, b',
] as const;

const otherTexts = [
  '',
  ' a',
  'a ',
  'a: b',
  'a:',
  'a #b',
  '- a',
  '-',
  '---',
  '...a\n',
  '? a',
  '!tag',
  '&a',
  '*a',
  '@a',
  '`a`',
  '%a',
  '"a"',
  "'a'",
  '[a]',
  '{a}',
  '|',
  '>',
  '#a',
  ',a',
  '<<',
  '<<: a',
  '=',
  'a\nb',
  'a\tb',
  'ä',
  'null',
  'Null',
  'NULL',
  '~',
  'yes',
  'No',
  'ON',
  'off',
  'y',
  'N',
  'true',
  'FALSE',
  '1',
  '-1',
  '+1',
  '01',
  '0o17',
  '0x1F',
  '0b11',
  '1_000',
  '1:30',
  '190:20:30',
  '1.5',
  '.5',
  '1e3',
  '1.5E+3',
  'e5',
  'E-12',
  '.inf',
  '-.INF',
  '.nan',
  '2001-12-14',
  '2001-12-14t21:59:43.10-05:00',
  '1,000',
] as const;

describe('isPlainYaml', () => {
  test.each(plainTexts)('accepts %j, so that it needs no quotes', (text) => {
    expect(isPlainYaml(text)).toBe(true);
  });

  test.each(otherTexts)('rejects %j', (text) => {
    expect(isPlainYaml(text)).toBe(false);
  });

  test('what it accepts reads as itself, as a key and as a value, in both versions', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.string({ unit: fc.constantFrom(...'0123456789+-_.:eExXobnyNYtT <~,=#\'"'), maxLength: 8 }),
    );
    fc.assert(
      fc.property(text, (plain) => {
        fc.pre(isPlainYaml(plain));
        for (const version of ['1.1', '1.2'] as const) {
          const read: unknown = parse(`A: ${plain}\n${plain}: B\n`, {
            version,
            uniqueKeys: false,
            mapAsMap: true,
          });
          expect(read).toEqual(
            new Map(
              plain === 'A'
                ? [['A', 'B']]
                : [
                    ['A', plain],
                    [plain, 'B'],
                  ],
            ),
          );
        }
      }),
      { numRuns: 2000 },
    );
  });
});
