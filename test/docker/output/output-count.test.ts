import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OutputCount } from '../../../src/docker/output/output-count.js';
import type { OutputPart } from '../../../src/executor/backend.js';

function part(text: string, stream: OutputPart['stream'] = 'stdout'): OutputPart {
  return { stream, bytes: Buffer.from(text) };
}

function skipperAfter(...seen: OutputPart[]) {
  const count = new OutputCount();
  for (const each of seen) count.see(each);
  return count.startSkipping();
}

describe('what was seen is skipped in the log', () => {
  test('to the byte, wherever stream and log are cut into chunks', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 30 });
    fc.assert(
      fc.property(texts, fc.nat(30), fc.nat(30), fc.nat(30), (text, seen, cutSeen, cutLog) => {
        const head = text.slice(0, seen);
        const skipper = skipperAfter(part(head.slice(0, cutSeen)), part(head.slice(cutSeen)));

        const rest = [text.slice(0, cutLog), text.slice(cutLog)].map((piece) => skipper.skip(part(piece)));

        expect(Buffer.concat(rest).toString()).toBe(text.slice(seen));
        expect(skipper.isShort).toBe(false);
      }),
    );
  });

  test('for each stream separately', () => {
    const skipper = skipperAfter(part('ab'), part('xyz', 'stderr'));

    expect(Buffer.from(skipper.skip(part('xyz+', 'stderr'))).toString()).toBe('+');
    expect(Buffer.from(skipper.skip(part('abc'))).toString()).toBe('c');
  });

  test('also when the log has lost earlier newlines', () => {
    const skipper = skipperAfter(part('long\nnext\n'));

    expect(Buffer.from(skipper.skip(part('longnext\nnew\n'))).toString()).toBe('new\n');
  });

  test('and a log without its beginning is detected', () => {
    const skipper = skipperAfter(part('0123456789'));

    expect(skipper.skip(part('789'))).toHaveLength(0);
    expect(skipper.isShort).toBe(true);
  });
});

test.each([
  ['shorter', 16_383, false],
  ['as long', 16_384, true],
])('a line that is %s as the log keeps exactly is noticed rightly', (_, length, expected) => {
  const skipper = skipperAfter();

  skipper.skip(part(`short\n${'x'.repeat(length - 1_000)}`));
  skipper.skip(part(`${'x'.repeat(1_000)}\nshort`));

  expect(skipper.hasLongLine).toBe(expected);
});
