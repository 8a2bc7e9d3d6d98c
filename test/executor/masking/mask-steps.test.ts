// Shows that nobody waits while the search for large secrets is prepared.
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createMask, maskSteps } from '../../../src/executor/masking/mask.js';
import { Secret } from '../../../src/job/secret.js';
import { countTurns } from '../../support/turns.js';

const size = 1024 * 1024;
const random = (length: number) => randomBytes((3 * length) / 4).toString('base64');
const secretOf = (value: string) => new Map([['V', new Secret(value)]]);

/** So many characters a step looks at, at most, on average. */
const most = 2048;

test.each([
  ['one long word', random(size)],
  ['lines', random(size).replaceAll(/.{64}/g, '$&\n')],
  ['very short lines', random(size).replaceAll(/.{8}/g, '$&\n')],
  ['a list of texts', JSON.stringify(random(size / 2).match(/.{80}/g))],
  ['more brackets than a parser takes', `${'['.repeat(size / 2)}${']'.repeat(size / 2)}`],
  ['passwords', 'password=abcdefgh1 '.repeat(size / 19)],
  ['URLs', 'https://u:password1@host/ '.repeat(size / 26)],
])('C9: a secret of a megabyte is prepared in small steps: %s', (_, value) => {
  let steps = 0;
  for (const walk = maskSteps(secretOf(value)); walk.next().done !== true; ) steps++;

  expect(steps).toBeGreaterThanOrEqual(value.length / most);
});

test('C9: others have their turns while the search for a large secret is prepared', async () => {
  const turns = countTurns();

  await createMask(secretOf(random(size)));

  expect(turns()).toBeGreaterThan(2);
});
