import { describe, expect, test } from 'vitest';
import { newJobId, parseJobId } from '../../src/job/id.js';

describe('job ids', () => {
  test('begin with the time of creation, so that they sort by age', () => {
    const id = newJobId(new Date('2025-10-18T14:18:42Z'));

    expect(id).toMatch(/^68f3a1c2[0-9a-f]{16}$/);
  });

  test.each(['68F3A1C25B7E4D0011AA22BB', ' 68f3a1c25b7e4d0011aa22bb '])('accepts %j', (text) => {
    expect(parseJobId(text)).toBe('68f3a1c25b7e4d0011aa22bb');
  });

  test.each([
    '',
    'NOPE',
    '68f3a1c25b7e4d0011aa22b',
    '68f3a1c25b7e4d0011aa22bbc',
    '../../etc/passwd/aaaaaaaa',
  ])('refuses %j', (text) => {
    expect(parseJobId(text)).toBeUndefined();
  });
});
