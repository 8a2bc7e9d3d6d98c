import { describe, expect, test } from 'vitest';
import { findReferenceProblem, secretReferencePattern } from '../../src/job/reference.js';

describe('a secret reference', () => {
  test('is a variable, a path and a key', () => {
    expect(secretReferencePattern.exec('DB_PASS@secret/data/my-app_1/db.pass-word')?.slice(1)).toEqual([
      'DB_PASS',
      'secret/data/my-app_1/db',
      'pass-word',
    ]);
  });

  test.each([
    ['', 'it is empty'],
    ['A @b.c', 'white space'],
    ['A@b.c\n', 'white space'],
    ['b.c', 'the `@` between name and path is missing'],
    ['A@b@c.d', 'a second `@`'],
    ['A-B@b.c', 'the name must be'],
    ['@b.c', 'the name must be'],
    ['A@b/../c.d', '`..`'],
    ['A@b/c', 'the `.KEY` at the end is missing'],
    ['A@b.c.d', 'only one stands between'],
    ['A@.c', 'the path before the dot is missing'],
    ['A@b.', 'the key after the dot is missing'],
    ['A@b.x/c', 'the path holds a dot'],
    ['A@b?x=1.c', 'path and key must be'],
    ['A@bä.c', 'path and key must be'],
    [`${'A'.repeat(256)}@b.c`, 'longer than 255 characters'],
  ])('%j is none', (text, expected) => {
    expect(findReferenceProblem(text)).toContain(expected);
  });

  test.each(['A@b.c', `${'A'.repeat(255)}@b.c`, '_@/b/.c', '1@b.-'])('%j is one', (text) => {
    expect(findReferenceProblem(text)).toBeUndefined();
  });
});
