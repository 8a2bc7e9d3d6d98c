import { expect, test } from 'vitest';
import { isLabel } from '../../../src/job/naming/dns-label.js';
import { generatedName, longestName } from '../../../src/job/naming/generated-name.js';

test.each([
  ['job', 0, 'job-0'],
  ['prep', 12, 'prep-12'],
  ['a'.repeat(49), 7, `${'a'.repeat(47)}-7`],
  [`${'a'.repeat(46)}-bc`, 7, `${'a'.repeat(46)}--7`],
])('%s and %d make %s', (prefix, number, name) => {
  expect(generatedName(prefix, number)).toBe(name);
  expect(name.length).toBeLessThanOrEqual(longestName);
  expect(isLabel(name)).toBe(true);
});

test.each(['', '-a', 'a-', 'A', 'a_b', 'a.b', 'a'.repeat(64), 'ä'])('%j is no label', (text) => {
  expect(isLabel(text)).toBe(false);
});
