import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  readSecretsFile,
  renderSecretsFile,
  secretsPath,
} from '../../../src/executor/secrets/secrets-file.js';
import type { SecretFileType } from '../../../src/job/job.js';
import { Secret } from '../../../src/job/secret.js';

function render(type: SecretFileType, values: Readonly<Record<string, string>> | [string, string][]): string {
  const entries = Array.isArray(values) ? values : Object.entries(values);
  return Buffer.from(
    renderSecretsFile(type, new Map(entries.map(([name, value]) => [name, new Secret(value)]))),
  ).toString();
}

const name = fc.stringMatching(/^\w{1,12}$/);
const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom(
      ...'\n\r\t \u0085\u2028\u2029\ufeff\u00a0\u0000\u007f\\"\':#-?|>%@`&*!{}[],~<=0123456789.e_yno',
    ),
    maxLength: 12,
  }),
  fc.constantFrom(
    '1:30',
    '0o17',
    '0777',
    '1_000',
    '12e03',
    '2001-12-14',
    '0x1f',
    '.inf',
    '.NaN',
    '~',
    'NULL',
    '<<',
    '=',
    '-',
    '- a',
    'a: b',
    'a #b',
    ' a',
    'a ',
    'a\\',
    '\ud800',
    '---',
    '...',
  ),
);

describe('the secrets file', () => {
  test('is at the path where GoStint jobs expect it', () => {
    expect([secretsPath('yaml'), secretsPath('json')]).toEqual(['/secrets.yml', '/secrets.json']);
  });

  test('in YAML has two lines that are always the same, then the variables by name', () => {
    expect(render('yaml', { TOKEN: 's.abc', B_2: 'no', A: 'it is', C: 'a\nb', Z: '' })).toBe(
      [
        '---',
        '# gostint vault secrets injected:',
        'A: it is',
        'B_2: "no"',
        'C: "a\\nb"',
        'TOKEN: s.abc',
        'Z: ""',
        '',
      ].join('\n'),
    );
  });

  test('in JSON is one object on one line', () => {
    expect(render('json', { TOKEN: 's.abc', A: '"' })).toBe('{"A":"\\"","TOKEN":"s.abc"}\n');
  });

  test('without secrets is empty but readable', () => {
    expect(parse(render('yaml', {}))).toBeNull();
    expect(JSON.parse(render('json', {}))).toEqual({});
  });

  test('accepts every name, also those that every object has', () => {
    const values: [string, string][] = [
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['yes', 'z'],
      ['1', 'w'],
    ];

    const read: unknown = JSON.parse(render('json', values));
    expect(Object.entries(read as object).toSorted()).toEqual(values.toSorted());
    for (const version of ['1.1', '1.2'] as const)
      expect(parse(render('yaml', values), { version, mapAsMap: true })).toEqual(new Map(values.toSorted()));
  });
});

describe('a secrets file of any texts', () => {
  test('reads back as the very same texts, whatever they are', () => {
    fc.assert(
      fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (values) => {
        const wanted = new Map(
          Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString()]),
        );
        expect(new Map(Object.entries(JSON.parse(render('json', values)) as object))).toEqual(
          new Map(Object.entries(values)),
        );
        for (const version of ['1.1', '1.2'] as const) {
          const read = parse(render('yaml', values), { version, mapAsMap: true }) as Map<
            string,
            string
          > | null;
          const texts = [...(read ?? [])].map(([key, text]): [string, string] => [
            key,
            Buffer.from(text).toString(),
          ]);
          expect(new Map(texts)).toEqual(wanted);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

/** Half a surrogate pair is no character: it is lost when written to any file. */
function wellFormed(texts: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...texts].map(([key, text]) => [key, Buffer.from(text).toString()]));
}

function shown(bytes: Uint8Array): Map<string, string> {
  return new Map([...(readSecretsFile(bytes) ?? [])].map(([key, secret]) => [key, secret.reveal()]));
}

describe('Q9: a secrets file that is read back', () => {
  test.each(['yaml', 'json'] as const)('as %s gives the very same texts, whatever they are', (type) => {
    fc.assert(
      fc.property(fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }), (values) => {
        const read = shown(Buffer.from(render(type, values)));
        expect(wellFormed(read)).toEqual(wellFormed(new Map(Object.entries(values))));
      }),
      { numRuns: 500 },
    );
  });

  test.each(['', 'x', '---\na: b\n', '{"a":1}', '[]', '{', '\u0000', `${render('yaml', {})}a: [b]\n`])(
    'is none of ours when it is %j',
    (text) => {
      expect(readSecretsFile(Buffer.from(text))).toBeUndefined();
    },
  );
});
