import { afterEach, expect, test, vi } from 'vitest';
import { readJobRequest } from '../../src/api/gostint/request.js';
import { checkFields } from '../../src/job/check.js';
import type { SpecFields } from '../../src/job/job.js';
import { strictPolicy } from '../../src/job/options/policy.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Longer than any text that is looked at closely, and short enough for a test. */
const length = 100_000;

/** What takes a text apart makes many times its size of it. */
function watchSplitting(): () => number {
  let parts = 0;
  const split = String.prototype.split;
  vi.spyOn(String.prototype, 'split').mockImplementation(function (this: string, ...args: unknown[]) {
    if (this.length >= length) parts += this.length;
    return Reflect.apply(split, this, args) as string[];
  });
  const iterate = String.prototype[Symbol.iterator];
  vi.spyOn(String.prototype, Symbol.iterator).mockImplementation(function (this: string) {
    if (this.length >= length) parts += this.length;
    return iterate.call(this);
  });
  return () => parts;
}

test.each([
  ['queue', { queue: 'a'.repeat(length) }, 'at most 255 characters'],
  ['image', { image: 'a/'.repeat(length) }, 'an image of at most 1024 characters'],
  ['image with a mark', { image: `${'ж'.repeat(length)}` }, 'an image of at most 1024 characters'],
  ['reference', { secretRefs: [`a@${'.'.repeat(length)}`] }, 'it is longer than 4096 characters'],
] as [string, SpecFields, string][])(
  'a field that is far too long is not taken apart: %s',
  (_, fields, expected) => {
    const parts = watchSplitting();

    const problems = checkFields(fields);

    expect(problems).toEqual([expect.stringContaining(expected)]);
    expect(parts()).toBe(0);
  },
);

test('a path in the cubbyhole that is far too long is not taken apart', async () => {
  const body = { wrap_secret_id: 's.x', cubby_token: 's.x', cubby_path: '/'.repeat(60_000) };
  const parts = watchSplitting();

  const owner = { key: 'k', displayName: 'n' };
  const reading = readJobRequest(Buffer.from(JSON.stringify(body)), owner, () => strictPolicy);

  await expect(reading).rejects.toThrow('Expected `cubby_path` to be `cubbyhole/` and a plain name');
  expect(parts()).toBe(0);
});
