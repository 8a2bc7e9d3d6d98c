import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import { KeyedMemory } from '../../../src/vault/server-login/keyed-memory.js';

test('it remembers for the given time', () => {
  let now = 0;
  const memory = new KeyedMemory<string>(() => now);
  memory.set(new Secret('a'), 'value', 100);

  now = 99;
  expect(memory.get(new Secret('a'))).toBe('value');
  expect(memory.get(new Secret('b'))).toBeUndefined();
  now = 100;
  expect(memory.get(new Secret('a'))).toBeUndefined();
});

test('it does not keep the secret', () => {
  const memory = new KeyedMemory<string>();
  memory.set(new Secret('CANARY'), 'value', 100_000);

  expect(inspect(memory, { depth: 9, showHidden: true })).not.toContain('CANARY');
});

test('it stays small: it drops expired entries, then the oldest', () => {
  let now = 0;
  const memory = new KeyedMemory<number>(() => now);
  memory.set(new Secret('over'), 0, 10);
  now = 20;
  for (let each = 0; each < 10_050; each += 1) memory.set(new Secret(`s${each}`), each, 1_000);

  expect(memory.size).toBe(10_000);
  expect(memory.get(new Secret('s0'))).toBeUndefined();
  expect(memory.get(new Secret('s10049'))).toBe(10_049);
});

test('a value that is set again starts a new time', () => {
  let now = 0;
  const memory = new KeyedMemory<string>(() => now);
  memory.set(new Secret('a'), 'old', 10);
  memory.set(new Secret('a'), 'new', 50);

  now = 40;
  expect(memory.get(new Secret('a'))).toBe('new');
});
