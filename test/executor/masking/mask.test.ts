import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SecretValues } from '../../../src/executor/secrets.js';
import { Secret } from '../../../src/job/secret.js';
import { maskOf, patternsOf } from '../../support/mask.js';

function secretsOf(...values: readonly string[]): SecretValues {
  return new Map(values.map((value, index) => [`V${index}`, new Secret(value)]));
}

/** What comes out of a stream that takes the pieces one after another. */
function masked(secrets: SecretValues, pieces: readonly (string | Uint8Array)[]): string {
  const stream = maskOf(secrets).stream();
  const outputs = pieces.map((piece) => stream.push(typeof piece === 'string' ? Buffer.from(piece) : piece));
  return Buffer.concat([...outputs, stream.end()]).toString('latin1');
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

/** The rule in its plainest form: hide every place of every pattern, and take what overlaps for one. */
function maskedPlainly(secrets: SecretValues, bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  const hidden = new Int32Array(text.length + 1);
  const joined = new Int32Array(text.length + 1);
  for (const pattern of patternsOf(secrets).patterns) {
    const wanted = Buffer.from(pattern).toString('latin1');
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      hidden.fill(1, at, at + wanted.length);
      joined.fill(1, at + 1, at + wanted.length);
    }
  }
  return [...text]
    .map((letter, at) => (hidden[at] === 0 ? letter : joined[at] === 0 ? '[secret]' : ''))
    .join('');
}

const hiddenTexts = [
  ['a secret', ['hunter2'], 'my hunter2 is', 'my [secret] is'],
  ['each time it comes', ['hunter2'], 'hunter2 hunter2', '[secret] [secret]'],
  ['the longest of several', ['secure', 'secure-word', 'word-two'], 'a secure-word b', 'a [secret] b'],
  ['secrets that overlap as one', ['abcdefg', 'efghijk'], '-abcdefghijk-', '-[secret]-'],
  ['secrets that touch as two', ['abcdefg', 'hijklmn'], '-abcdefghijklmn-', '-[secret][secret]-'],
  ['one within another', ['abcdefghij', 'cdefgh'], '-abcdefghij-', '-[secret]-'],
  ['one within the failed beginning of another', ['abcdefghij', 'cdefgh'], 'abcdefghix', 'ab[secret]ix'],
  ['one that overlaps itself', ['abaabaab'], 'x abaabaabaab y', 'x [secret] y'],
  ['one after its own failed beginning', ['aaaaaab'], 'aaaaaaaaab', 'aaa[secret]'],
  ['a value without the line break at its end', ['hunter2\n'], 'hunter2, hunter2\n', '[secret], [secret]\n'],
  ['bytes that are no text', ['schlüssel'], 'ein schlüssel', 'ein [secret]'],
] as const;

test('A3: `aaaaab` is hidden in `xaaaaa` and `aabyyy`, wherever the text is cut', () => {
  const bytes = Buffer.from('xaaaaaaabyyy');
  for (let at = 0; at <= bytes.length; at++)
    expect(masked(secretsOf('aaaaab'), [bytes.subarray(0, at), bytes.subarray(at)])).toBe('xaa[secret]yyy');
});

describe('a masked stream', () => {
  test.each(hiddenTexts)('hides %s', (_, values, output, expected) => {
    expect(masked(secretsOf(...values), [output])).toBe(expected);
    expect(
      masked(
        secretsOf(...values),
        cut(
          Buffer.from(output),
          [...output].map((__, at) => at),
        ),
      ),
    ).toBe(expected);
  });

  test('masks a secret that was cut after a failed beginning', () => {
    expect(masked(secretsOf('aabaab'), ['xaabaa', 'baabyy'])).toBe('x[secret]yy');
  });

  test('holds back nothing but the beginning of a secret', () => {
    const stream = maskOf(secretsOf('hunter2-and-more', 'hunting')).stream();

    expect(Buffer.from(stream.push(Buffer.from('ready? [y/n] hun'))).toString()).toBe('ready? [y/n] ');
    expect(Buffer.from(stream.push(Buffer.from('t'))).toString()).toBe('');
    expect(Buffer.from(stream.push(Buffer.from('!'))).toString()).toBe('hunt!');
    expect(Buffer.from(stream.push(Buffer.from('hunter2'))).toString()).toBe('');
    expect(Buffer.from(stream.end()).toString()).toBe('hunter2');
  });

  test('does not wait for more once a secret is complete', () => {
    const stream = maskOf(secretsOf('hunter2')).stream();

    expect(Buffer.from(stream.push(Buffer.from('it is hunter2'))).toString()).toBe('it is [secret]');
    expect(stream.end()).toHaveLength(0);
  });

  test('returns its very input where there is nothing to hide', () => {
    const bytes = Buffer.from('hello');

    expect(maskOf(secretsOf('', 'short')).stream().push(bytes)).toBe(bytes);
  });

  test('two streams of a mask are independent', () => {
    const mask = maskOf(secretsOf('hunter2'));
    const [one, other] = [mask.stream(), mask.stream()];

    expect(one.push(Buffer.from('hunt'))).toHaveLength(0);
    expect(Buffer.from(other.push(Buffer.from('er2'))).toString()).toBe('er2');
    expect(Buffer.from(one.push(Buffer.from('er2'))).toString()).toBe('[secret]');
  });
});

/** Few letters, so that texts are full of beginnings, repeats and overlaps. */
const fewLetters = (least: number, most: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: least, maxLength: most });
const values = fc.array(fewLetters(0, 12), { minLength: 1, maxLength: 4 });
const places = fc.array(fc.nat(), { maxLength: 12 });

describe('A3: a masked stream with any input', () => {
  test('gives the same output however its input is cut', () => {
    fc.assert(
      fc.property(values, fewLetters(0, 80), places, (chosen, output, cuts) => {
        const secrets = secretsOf(...chosen);
        expect(masked(secrets, cut(Buffer.from(output), cuts))).toBe(
          maskedPlainly(secrets, Buffer.from(output)),
        );
      }),
      { numRuns: 600 },
    );
  });

  test('gives the same for secrets that are pieces of each other', () => {
    const whole = 'abcdefghijklmnopqrstuvwx';
    const piece = fc
      .tuple(fc.nat(23), fc.nat(23))
      .map(([one, other]) => whole.slice(Math.min(one, other), Math.max(one, other) + 1));
    const pieces = fc.array(piece, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(pieces, pieces, places, (chosen, output, cuts) => {
        const secrets = secretsOf(...chosen);
        const bytes = Buffer.from(output.join('-'));
        expect(masked(secrets, cut(bytes, cuts))).toBe(maskedPlainly(secrets, bytes));
      }),
      { numRuns: 600 },
    );
  });

  test('gives the same for secrets of any text between any bytes', () => {
    const parts = fc.array(fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.nat(3)), { maxLength: 12 });
    const anyValues = fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(anyValues, parts, places, (chosen, pieces, cuts) => {
        const secrets = secretsOf(...chosen);
        const patterns = patternsOf(secrets).patterns;
        const output = Buffer.concat(
          pieces.map((piece) =>
            typeof piece === 'number' ? (patterns[piece * 7] ?? Buffer.from(chosen[0] ?? '')) : piece,
          ),
        );
        expect(masked(secrets, cut(output, cuts))).toBe(maskedPlainly(secrets, output));
      }),
      { numRuns: 300 },
    );
  });

  test('no secret of sufficient length survives', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 6, maxLength: 30 });
    const text = fc.string({ unit: 'grapheme', maxLength: 30 });
    fc.assert(
      fc.property(value, text, text, places, (secret, before, after, cuts) => {
        fc.pre(secret.trim() === secret && Buffer.byteLength(secret) >= 6 && !'[secret]'.includes(secret));
        const output = Buffer.from(`${before}${secret}${after}${secret}`);
        const seen = Buffer.from(masked(secretsOf(secret), cut(output, cuts)), 'latin1').toString();
        expect(seen.replaceAll('[secret]', '\u0000')).not.toContain(secret);
      }),
      { numRuns: 300 },
    );
  });
});

test('time grows with the output, not with the secret: repeats of a long beginning, byte by byte', () => {
  const secret = `${'a'.repeat(50_000)}b`;
  const stream = maskOf(secretsOf(secret)).stream();
  const bytes = Buffer.from('a');
  let length = 0;
  const began = performance.now();

  for (let i = 0; i < 200_000; i++) length += stream.push(bytes).length;

  expect(length).toBe(150_000);
  expect(performance.now() - began).toBeLessThan(10_000);
});

describe('Q9: what a stream holds back', () => {
  test.each([
    [['hunter2'], 'a hun', 3],
    [['hunter2'], 'a hunter2', 0],
    [['abcdefg', 'efghijk'], '-abcdefg', 7], // It may be the beginning of a longer one.
    [['abcdefg', 'efghijk'], '-abcdefgx', 0],
  ])('of %j after "%s" is %d bytes', (secrets, output, held) => {
    const stream = maskOf(secretsOf(...secrets)).stream();
    stream.push(Buffer.from(output));

    expect(stream.held).toBe(held);
  });

  test('is where another stream can continue: the total output is the same, wherever the first one ends', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab'), maxLength: 60 });
    const secret = fc.string({ unit: fc.constantFrom(...'ab'), minLength: 6, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        text,
        fc.nat(),
        fc.nat(),
        (secrets, output, a, b) => {
          const bytes = Buffer.from(output);
          const [first = 0, second = 0] = [a, b]
            .map((each) => each % (bytes.length + 1))
            .toSorted((x, y) => x - y);
          const mask = maskOf(secretsOf(...secrets));
          const [one, other] = [mask.stream(), mask.stream()];
          const before = [one.push(bytes.subarray(0, first)), one.push(bytes.subarray(first, second))];
          const after = [other.push(bytes.subarray(second - one.held)), other.end()];
          expect(Buffer.concat([...before, ...after]).toString()).toBe(
            masked(secretsOf(...secrets), [output]),
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
