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
  ])('decodes %s', async (_, text) => {
    expect(Buffer.from(await decodeContent(text))).toEqual(archive);
  });

  test.each([
    ['between two signs of padding', 'targz,QQ=\n='],
    ['before, between and behind them', 'targz,QQ\r\n=\r\n=\r\n'],
    ['after each character', 'targz,Q\nQ\n=\n=\n'],
  ])('takes line breaks %s', async (_, text) => {
    expect(Buffer.from(await decodeContent(text))).toEqual(Buffer.from('A'));
  });

  test('decodes any bytes, wherever they are cut into pieces', async () => {
    const pieceBytes = fc.integer({ min: 1, max: 9 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1 }), pieceBytes, async (bytes, size) => {
        const text = `targz,${Buffer.from(bytes).toString('base64').replace(/.{5}/g, '$&\n')}`;
        expect([...(await decodeContent(text, { pieceBytes: size }))]).toEqual([...bytes]);
      }),
    );
  });

  test('decodes bytes where they stand: a long text and its archive are held once', async () => {
    const text = Buffer.from(`targz,${Buffer.alloc(1_000_000, 7).toString('base64')}`);

    const decoded = await decodeContent(text);

    expect(decoded.buffer).toBe(text.buffer);
    expect(Buffer.alloc(1_000_000, 7).equals(decoded)).toBe(true);
  });
});

describe('decodeContent refuses', () => {
  test.each([
    ['nothing', '', 'got nothing'],
    ['nothing after the prefix', 'targz,', 'got nothing'],
    ['line breaks only', 'targz,\r\n', 'got nothing'],
    ['another prefix', 'zip,QUJD', 'to start with `targz,`, got a comma at 3'],
    ['a second comma', 'targz,QUJD,', 'got a second at 10'],
    ['a character that is none of it', 'targz,QU!D', '`!` at 8'],
    ['the alphabet for URLs', 'targz,QU-D', '`-`, which belongs to the URL-safe alphabet, at 8'],
    ['less than a group of what is none of it', 'targz,??', '`?` at 6'],
    ['what is none of it behind the last group', 'targz,QUJDQ?', '`?` at 11'],
    ['what is none of it behind line breaks', 'targz,QUJD\n\nQ!', '`!` at 13'],
    ['a blank', 'targz,QU D', 'a blank at 8'],
    ['a letter of another script', 'targz,QUÄD', 'a character outside of it at 8'],
    ['padding in the middle', 'targz,QQ==QUJD', 'got one at 8'],
    ['too much padding', 'targz,Q===', 'got one at 7'],
    ['a text that was cut', 'targz,QUJDR', 'a multiple of 4 characters after `targz,`, got 5'],
  ])('%s', async (_, text, expected) => {
    await expect(decodeContent(text)).rejects.toThrow(expected);
    await expect(decodeContent(text)).rejects.toMatchObject({
      reason: 'content_refused',
      code: 'content_not_base64',
    });
  });

  test.each([
    ['a character that is none of it', `${'QUJD'.repeat(100)}QU!D`, '`!` at 402'],
    ['padding in the middle', `${'QUJD'.repeat(100)}QQ==QUJD`, 'got one at 402'],
    ['padding before a cut end', `${'QUJD\n'.repeat(100)}Q=\n=`, 'a multiple of 4 characters, got 403'],
  ])('and says where it is wrong in a later piece: %s', async (_, text, expected) => {
    await expect(decodeContent(text, { pieceBytes: 16 })).rejects.toThrow(expected);
  });

  test('all but whole groups of four characters of the alphabet', async () => {
    const wanted = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;
    const characters = fc.constantFrom(...'AZaz09+/===-_ !\n', 'Ä', '\u0141', '\u{10041}');
    await fc.assert(
      fc.asyncProperty(
        fc.array(characters, { maxLength: 13 }),
        fc.integer({ min: 1, max: 14 }),
        async (parts, pieceBytes) => {
          const text = parts.join('');
          const isWanted = wanted.test(text.replace(/[\r\n]/g, ''));

          expect([text, await accepts(text, pieceBytes)]).toEqual([text, isWanted]);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test('as a job that failed, since it may come out of a payload', async () => {
    await expect(decodeContent('?')).rejects.toBeInstanceOf(JobFailedError);
  });
});

async function accepts(text: string, pieceBytes: number): Promise<boolean> {
  try {
    await decodeContent(text, { pieceBytes });
    return true;
  } catch {
    return false;
  }
}
