import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderSecretsFile } from '../../../src/executor/secrets/secrets-file.js';
import { Secret } from '../../../src/job/secret.js';
import { maskOf, patternsOf } from '../../support/mask.js';

const secretsOf = (...values: readonly string[]) =>
  new Map(values.map((value, index) => [`V${index}`, new Secret(value)]));

function mask(value: string, output: string): string {
  const stream = maskOf(secretsOf(value)).stream();
  return Buffer.concat([stream.push(Buffer.from(output)), stream.end()]).toString();
}

const lines = ['MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', '}', 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4', 'b3Vy'];
const pem = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
const odd = `it's a "päss" \\ $word/<&>+~ 1`;

const forms = [
  ['by `base64`', odd, Buffer.from(odd).toString('base64')],
  ['by `base64` for URLs', '~~~???>>>', Buffer.from('~~~???>>>').toString('base64url')],
  ['by a URL', odd, encodeURIComponent(odd)],
  ['by a form', odd, new URLSearchParams({ '': odd }).toString().slice(1).replaceAll('%7E', '~')],
  ['by a URL, with small digits', 'a b c d e', 'a%20b%20c%20d%20e'],
  ['by JSON', odd, JSON.stringify(odd).slice(1, -1)],
  ['by JSON in ASCII', odd, `it's a \\"p\\u00e4ss\\" \\\\ $word/<&>+~ 1`],
  ['by JSON that is safe in HTML', odd, `it's a \\"päss\\" \\\\ $word/\\u003c\\u0026\\u003e+~ 1`],
  ['by a shell, in single quotes', odd, `it'\\''s a "päss" \\ $word/<&>+~ 1`],
  ['by a shell, in double quotes', odd, `it's a \\"päss\\" \\\\ \\$word/<&>+~ 1`],
  ['by a shell, without quotes', "it's a (b)", "it\\'s\\ a\\ \\(b\\)"],
  ['as hex digits', odd, Buffer.from(odd).toString('hex')],
  ['as capital hex digits', odd, Buffer.from(odd).toString('hex').toUpperCase()],
  ['on a terminal', pem, pem.trim().replaceAll('\n', '\r\n')],
  ['on a terminal, with line ends of Windows', 'abc\r\ndef', 'abc\r\r\ndef'],
  ['with line ends of UNIX', 'abc\r\ndef', 'abc\ndef'],
  ['by an unquoted `echo`', 'abc\n\n  def', 'abc def'],
  ['by JSON, all lines', pem, JSON.stringify(pem.trim()).slice(1, -1)],
] as const;

const neighbor = fc.uint8Array({ maxLength: 9 });

describe('what is hidden of a value', () => {
  test.each(forms)('its form %s', (_, value, form) => {
    expect(mask(value, `<${form}>`)).toBe('<[secret]>');
  });

  test('what stands in the middle of an encoded text, wherever it begins in there', () => {
    fc.assert(
      fc.property(neighbor, neighbor, (before, after) => {
        const value = 'correct horse battery';
        const whole = Buffer.concat([before, Buffer.from(value), after]).toString('base64');
        const seen = mask(value, whole);
        // What is left beside the marker are characters of the neighbors, or shared with them.
        const left = Math.ceil((before.length * 8) / 6) + Math.ceil((after.length * 8) / 6) + 2;
        expect(seen).toContain('[secret]');
        expect(seen.length).toBeLessThanOrEqual(left + 2 + '[secret]'.length);
      }),
    );
  });

  test('the wrapped lines that `base64` makes of a long value', () => {
    const value = Array.from({ length: 40 }, (_, index) => `word${index}`).join(' ');
    const wrapped = Buffer.from(value).toString('base64').replace(/.{76}/g, '$&\n');

    expect(mask(value, wrapped)).toBe('[secret]');
  });

  test.each(['\n', '\r\n', ' and more'])(
    'those lines where the value is followed by %j, as `echo` does',
    (end) => {
      for (const length of [95, 96, 97]) {
        const value = `hvs.${randomBytes(75).toString('base64url')}`.slice(0, length);
        const wrapped = Buffer.from(`${value}${end}`).toString('base64').replace(/.{76}/g, '$&\n');

        expect(mask(value, wrapped)).toMatch(/^\[secret\][\w+/=]{0,16}$/);
      }
    },
  );

  test('its long lines one by one, but neither its short ones nor the frame that all such files have', () => {
    expect(mask(pem, pem.replaceAll('\n', ' |\n'))).toBe(
      [
        '-----BEGIN PRIVATE KEY----- |',
        '[secret] |',
        '} |',
        '[secret] |',
        'b3Vy |',
        '-----END PRIVATE KEY----- |',
        '',
      ].join('\n'),
    );
  });

  test('the secrets file, when a job prints it', () => {
    const values = secretsOf(odd, pem, 'tab\tand bell\u0007 and \u0085 next');

    for (const type of ['yaml', 'json'] as const) {
      const stream = maskOf(values).stream();
      const seen = Buffer.from(stream.push(renderSecretsFile(type, values))).toString();
      expect(seen).not.toMatch(/päss|MII|bell|next/);
      expect(seen.match(/\[secret\]/g)).toHaveLength(3);
    }
  });
});

describe('what is not hidden', () => {
  test.each(['', ' ', 'short', 'short\n', 'true', '12345'])('the value %j, which is too short', (value) => {
    expect(patternsOf(secretsOf(value)).patterns).toEqual([]);
  });

  test('further forms of very large values, for which there is no room; their own text is', () => {
    const large = 'x1y2'.repeat(300_000);
    const patterns = patternsOf(secretsOf(large, 'hunter2')).patterns;

    expect(patterns.map(({ length }) => length)).toContain(large.length);
    expect(patterns.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(
      large.length + 1024 * 1024 + 16,
    );
    expect(mask('hunter2', Buffer.from('hunter2').toString('hex'))).toBe('[secret]');
  });
});
