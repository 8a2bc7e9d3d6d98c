// Shows which parts of a structured secret are hidden, and which secrets are named because a part of them is not.
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import { maskOf, partsOf, patternsOf } from '../../support/mask.js';

const secretsOf = (value: string) => new Map([['V', new Secret(value)]]);

function mask(value: string, output: string): string {
  const stream = maskOf(secretsOf(value)).stream();
  return Buffer.concat([stream.push(Buffer.from(output)), stream.end()]).toString();
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const body = ['MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4'];
const pem = ['-----BEGIN PRIVATE KEY-----', ...body, '-----END PRIVATE KEY-----', ''].join('\n');
const nested = { user: 'application', deep: [{ password: 'hunter2' }], number: 4_815_162_342 };
const lookup = (password: string) => `postgres://app:${password}@db.example:5432/app?sslmode=require`;

const hidden = [
  ['a leaf of an object', JSON.stringify(nested), 'hunter2'],
  ['a leaf of an object that is spread over lines', JSON.stringify(nested, undefined, 2), 'hunter2'],
  ['a number of an object', JSON.stringify(nested), '4815162342'],
  ['a number that JavaScript would change', '{"n":12345678901234567890.10}', '12345678901234567890.10'],
  ['a leaf of a list', '["hunter2","xyzzy-42"]', 'hunter2'],
  ['a text within JSON quotes', '"hunter2"', 'hunter2'],
  ['a leaf with escapes', '{"a":"h\\u00e4n\\"ter"}', 'hän"ter'],
  ['the same, escaped by a tool', '{"a":"h\\u00e4n\\"ter"}', 'hän\\"ter'],
  ['a leaf, encoded', JSON.stringify(nested), base64('hunter2')],
  ['a leaf of JSON within JSON', JSON.stringify({ json: JSON.stringify(nested) }), 'hunter2'],
  ['a line of a PEM leaf', JSON.stringify({ key: pem }), body[0] ?? ''],
  ['a PEM leaf as it is', JSON.stringify({ key: pem }), pem.trim()],
  ['a line of a PEM text whose line ends are written as \\n', pem.replaceAll('\n', '\\n'), body[1] ?? ''],
  ['what a base64 leaf holds', JSON.stringify({ password: base64('hunter2') }), 'hunter2'],
  ['what a base64 value holds', base64('correct horse'), 'correct horse'],
  ['what a base64 value for URLs holds', Buffer.from('~~~???>>>').toString('base64url'), '~~~???>>>'],
  [
    'what base64 of many lines holds',
    base64('word '.repeat(40)).replace(/.{76}/g, '$&\n'),
    'word '.repeat(40).trim(),
  ],
  ['a line of a PEM text in base64', JSON.stringify({ tls: base64(pem) }), body[0] ?? ''],
  ['a leaf of JSON in base64', base64(JSON.stringify(nested)), 'hunter2'],
  ['the password of a registry', JSON.stringify({ auths: { r: { auth: base64('me:hunter2') } } }), 'hunter2'],
  ['the password of a URL', lookup('hunter2'), 'hunter2'],
  ['the password of a URL, decoded', lookup('hunt%40er2%2F'), 'hunt@er2/'],
  ['the password of a URL that should have been encoded', lookup('hunt@er2'), 'hunt@er2'],
  ['the password of a URL with a slash', lookup('hunt/er2'), 'hunt/er2'],
  ['the password of a URL without a user', 'redis://:hunter2@cache:6379/0', 'hunter2'],
  ['the password of a URL with many hosts', 'mongodb://app:hunter2@a:1,b:2/?replicaSet=x', 'hunter2'],
  ['the password of a URL in a leaf', JSON.stringify({ urls: [lookup('hunter2')] }), 'hunter2'],
  ['the password of the second URL', `${lookup('first-one')},${lookup('hunter2')}`, 'hunter2'],
  ['the password of a driver of Go', 'app:hunt@er2@tcp(db:3306)/app?parseTime=true', 'hunt@er2'],
  ['what stands in the place of a password', 'app:hunter2@db/app', 'hunter2'],
  ['a token in the place of a user', 'https://ghp_0123456789@github.com/a/b.git', 'ghp_0123456789'],
  ['a token with a public password', 'https://ghp_0123456789:x-oauth-basic@github.com/a', 'ghp_0123456789'],
  [
    'a password in the query of a URL',
    'jdbc:postgresql://db/app?user=app&password=hunter2&ssl=true',
    'hunter2',
  ],
  ['a key in the query of a URL', 'https://files.example/a?sv=1&sig=hunt%2Fer2', 'hunt%2Fer2'],
  ['the same, decoded', 'https://files.example/a?sv=1&sig=hunt%2Fer2', 'hunt/er2'],
  ['a password among words', "host=db user=app password='hunter 2' dbname=app", 'hunter 2'],
  ['a password among settings', 'Server=db;User Id=app;Password=hunter2;Encrypt=true', 'hunter2'],
  ['a password in what is nearly JSON', `{password: 'hunter2',}`, 'hunter2'],
  ['a password in YAML', 'database:\n  host: db\n  password: hunter2\n', 'hunter2'],
  ['a password in a file of variables', 'HOST=db\nexport DB_PASSWORD="hunter2"\n', 'hunter2'],
  ['the token of a header', 'Bearer abc.def-ghi', 'abc.def-ghi'],
  ['the password of a header', `Basic ${base64('me:hunter2')}`, 'hunter2'],
] as const;

describe('of a secret that has parts', () => {
  test.each(hidden)('is hidden: %s', (_, value, part) => {
    expect(mask(value, `<${part}>`)).toBe('<[secret]>');
    expect(maskOf(secretsOf(value)).unmasked).toEqual([]);
  });

  test.each([
    ['names of an object', '{"user-name":"x1"}', 'user-name'],
    ['the frame of a PEM leaf', JSON.stringify({ key: pem }), '-----BEGIN PRIVATE KEY-----'],
    ['host and user of a URL', lookup('hunter2'), 'app db.example 5432'],
    ['what only looks like base64', 'Tr0ub4dorAnd3xyz', Buffer.from('Tr0ub4dorAnd3xyz', 'base64').toString()],
    ['other words of a settings text', 'host=database password=hunter2', 'database'],
    ['a time', 'at 12:34:56 o’clock', '34:56'],
  ])('is not hidden: %s', (_, value, part) => {
    expect(mask(value, `<${part}>`)).toBe(`<${part}>`);
  });
});

describe('a secret is named where a part of it stays visible', () => {
  test.each([
    ['a short leaf', '{"user":"application","pin":"0042"}'],
    ['a short number', '{"port":5432}'],
    ['a short leaf of JSON in base64', base64('{"pin":"0042"}')],
    ['a short password of a URL', lookup('0042')],
    ['a short password among words', 'host=database password=0042'],
    [
      'more parts than are looked for',
      JSON.stringify(Array.from({ length: 4_001 }, (_, at) => `part-${at}`)),
    ],
    ['parts within parts within parts', nest(12)],
  ])('%s', (_, value) => {
    expect(maskOf(secretsOf(value)).unmasked).toEqual(['V']);
  });

  test.each([
    ['no parts', 'hunter2'],
    ['nothing', ''],
    ['long parts only', JSON.stringify({ a: 'hunter2', b: true, c: null, d: '' })],
    ['broken JSON', '{"pin":"0042"'],
    ['a URL without a password', 'https://files.example/a'],
    ['base64 of a short text', base64('short')],
  ])('and not where there is %s', (_, value) => {
    expect(maskOf(secretsOf(value)).unmasked).toEqual([]);
  });
});

/** JSON within JSON, so deep; a password in the innermost. */
function nest(depth: number): string {
  return depth === 0 ? '{"password":"hunter2"}' : base64(JSON.stringify({ inner: nest(depth - 1) }));
}

describe('the work on a large or hostile secret is bounded', () => {
  const size = 256 * 1024;
  test.each([
    ['many small leaves', JSON.stringify(Array.from({ length: size / 4 }, (_, at) => at % 10))],
    ['many leaves', JSON.stringify(Array.from({ length: size / 12 }, (_, at) => `leaf-${at}`))],
    ['one deep list', `${'['.repeat(size / 2)}${']'.repeat(size / 2)}`],
    ['one long text of escapes', JSON.stringify('\\'.repeat(size / 2))],
    ['many quotes', '"'.repeat(size)],
    ['many beginnings of URLs', 'a://'.repeat(size / 4)],
    ['many colons', ':'.repeat(size)],
    ['many colons and ats', ':@'.repeat(size / 2)],
    ['many users', 'a://b:'.repeat(size / 6)],
    ['many assignments', 'password='.repeat(size / 9)],
    ['one long name', 'password'.repeat(size / 8)],
    ['many blanks', `password=${' '.repeat(size)}`],
    ['base64 of zeros', Buffer.alloc(size).toString('base64')],
    ['base64 in base64', Array.from({ length: 12 }).reduce<string>(base64, 'x'.repeat(size / 32))],
  ])('%s', (_, value) => {
    const { texts } = partsOf(value);
    const patterns = patternsOf(secretsOf(value)).patterns;

    expect(texts.length).toBeLessThanOrEqual(4_000);
    expect(texts.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(4 * value.length);
    expect(patterns.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(
      8 * value.length + 2 * 1024 * 1024,
    );
  });
});
