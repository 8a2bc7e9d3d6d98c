import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeContent } from '../../src/job/content.js';
import { JobFailedError } from '../../src/job/errors.js';

const archive = Buffer.from('an archive, more or less');
const encoded = archive.toString('base64');

describe('decodeContent', () => {
  test.each([
    ['with its prefix', `targz,${encoded}`],
    ['without', encoded],
    ['with line breaks, as `base64` prints it', `targz,${encoded.replace(/.{8}/g, '$&\n')}\r\n`],
  ])('decodes %s', (_, text) => {
    expect(Buffer.from(decodeContent(text))).toEqual(archive);
  });

  test.each([
    ['between two signs of padding', 'targz,QQ=\n='],
    ['before, between and behind them', 'targz,QQ\r\n=\r\n=\r\n'],
    ['after each character', 'targz,Q\nQ\n=\n=\n'],
  ])('takes line breaks %s', (_, text) => {
    expect(Buffer.from(decodeContent(text))).toEqual(Buffer.from('A'));
  });

  test('decodes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const text = `targz,${Buffer.from(bytes).toString('base64')}`;
        expect([...decodeContent(text)]).toEqual([...bytes]);
      }),
    );
  });

  test.each([
    ['nothing', '', 'got nothing'],
    ['nothing after the prefix', 'targz,', 'got nothing'],
    ['line breaks only', 'targz,\r\n', 'got nothing'],
    ['another prefix', 'zip,QUJD', 'to start with `targz,`, got a comma at 3'],
    ['a second comma', 'targz,QUJD,', 'got a second at 10'],
    ['a character that is none of it', 'targz,QU!D', '`!` at 8'],
    ['the alphabet for URLs', 'targz,QU-D', '`-`, which belongs to the URL-safe alphabet, at 8'],
    ['a blank', 'targz,QU D', 'a blank at 8'],
    ['a letter of another script', 'targz,QUÄD', 'a character outside of it at 8'],
    ['padding in the middle', 'targz,QQ==QUJD', 'got one at 8'],
    ['too much padding', 'targz,Q===', 'got one at 7'],
    ['a text that was cut', 'targz,QUJDR', 'a multiple of 4 characters after `targz,`, got 5'],
  ])('refuses %s', (_, text, expected) => {
    expect(() => decodeContent(text)).toThrow(expected);
    expect(() => decodeContent(text)).toThrow(
      expect.objectContaining({ reason: 'content_refused', code: 'content_not_base64' }),
    );
  });

  test('takes whole groups of four characters of the alphabet and nothing else', () => {
    const wanted = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;
    const characters = fc.constantFrom(...'AZaz09+/===-_ !\n', 'Ä', '\u0141', '\u{10041}');
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 13 }), (parts) => {
        const text = parts.join('');
        const isWanted = wanted.test(text.replace(/[\r\n]/g, ''));

        expect([text, accepts(text)]).toEqual([text, isWanted]);
      }),
      { numRuns: 5_000 },
    );
  });

  test('refuses as a job that failed, since it may come out of a payload', () => {
    expect(() => decodeContent('?')).toThrow(JobFailedError);
  });
});

function accepts(text: string): boolean {
  try {
    decodeContent(text);
    return true;
  } catch {
    return false;
  }
}
