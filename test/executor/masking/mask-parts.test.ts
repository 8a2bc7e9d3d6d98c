import { expect, test } from 'vitest';
import type { OutputPart } from '../../../src/executor/backend.js';
import { partMask } from '../../../src/executor/masking/mask-parts.js';
import type { SecretValues } from '../../../src/executor/secrets.js';
import { Secret } from '../../../src/job/secret.js';
import { maskOf } from '../../support/mask.js';

const secrets = new Map([['PASS', new Secret('hunter2')]]);
const partMaskOf = (values: SecretValues) => partMask(maskOf(values));
const part = (stream: OutputPart['stream'], text: string) => ({ stream, bytes: Buffer.from(text) });
const shown = ({ stream, bytes }: OutputPart) => `${stream} ${Buffer.from(bytes).toString()}`;

test('a secret that is interrupted by the other stream is masked all the same', () => {
  const mask = partMaskOf(secrets);

  expect(shown(mask.push(part('stdout', 'a hunt')))).toBe('stdout a ');
  expect(shown(mask.push(part('stderr', 'er2!')))).toBe('stderr er2!');
  expect(shown(mask.push(part('stdout', 'er2 b')))).toBe('stdout [secret] b');
});

test('what both streams held back is returned at the end', () => {
  const mask = partMaskOf(secrets);
  mask.push(part('stdout', 'hun'));
  mask.push(part('stderr', 'hunte'));

  expect(mask.end().map(shown)).toEqual(['stdout hun', 'stderr hunte']);
});

test('without secrets bytes pass unchanged', () => {
  const given = part('stdout', 'hunter2');

  expect(partMaskOf(new Map()).push(given).bytes).toBe(given.bytes);
});

test('A3: both streams tell which secrets they hid, by name, each once', () => {
  const mask = partMaskOf(
    new Map([...secrets, ['KEY', new Secret('swordfish')], ['UNSEEN', new Secret('never-printed')]]),
  );

  mask.push(part('stdout', 'hunter2 and hunter2, and sword'));
  expect(mask.takeFound?.()).toEqual([{ name: 'PASS', stream: 'stdout' }]);
  mask.push(part('stderr', Buffer.from('swordfish').toString('hex')));
  mask.push(part('stdout', 'fish hunter2'));
  expect(mask.takeFound?.()).toEqual([
    { name: 'KEY', stream: 'stdout' },
    { name: 'KEY', stream: 'stderr' },
  ]);
  mask.push(part('stdout', 'hunter2 swordfish'));
  expect(mask.takeFound?.()).toEqual([]);
});

test('A3: whose a secret is that lies in the failed beginning of another, or at the end of it', () => {
  const mask = partMaskOf(
    new Map([
      ['LONG', new Secret('abcdefghij')],
      ['INNER', new Secret('cdefgh')],
    ]),
  );

  mask.push(part('stdout', 'abcdefghix'));
  expect(mask.takeFound?.()).toEqual([{ name: 'INNER', stream: 'stdout' }]);
  mask.push(part('stdout', 'abcdefghij'));
  expect(mask.takeFound?.()).toEqual([{ name: 'LONG', stream: 'stdout' }]);
});
