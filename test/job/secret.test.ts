import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/job/secret.js';

test('a secret never shows its value when it is printed', () => {
  const secret = new Secret('hunter2');

  const prints = [
    `${secret}`,
    JSON.stringify({ a: [secret] }),
    inspect({ secret }),
    String(secret),
    ['', secret].join(''),
  ];

  expect(prints.join('\n')).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});
