import { expect, test } from 'vitest';
import { wrappingTokenNotOurs } from '../../../src/vault/wrapping/refusals.js';
import { wrappingTokenGone } from '../../../src/vault/wrapping/wrapping.js';

const hour = 3_600_000;

const long = { expiresAt: hour, ttlMs: hour };
const short = { expiresAt: 4_000, ttlMs: 4_000 };

test.each([
  ['never seen', undefined, 0, { code: 'wrap_unknown', alarm: false }],
  ['long before its expiry', long, 0, { code: 'wrap_used', alarm: true }],
  ['before its expiry by more than clocks differ', long, hour - 6_000, { code: 'wrap_used', alarm: true }],
  ['so near to its end that clocks may differ', long, hour - 4_000, { code: 'wrap_expired', alarm: false }],
  ['after its end', long, hour + 1, { code: 'wrap_expired', alarm: false }],
  ['young and short-lived', short, 1_000, { code: 'wrap_used', alarm: true }],
])('a wrapping token that is gone, %s', (_, known, now, expected) => {
  expect(wrappingTokenGone(known, now)).toMatchObject({ reason: 'auth_refused', ...expected });
});

test('the expiry is shown', () => {
  expect(wrappingTokenGone({ expiresAt: 0, ttlMs: 1 }, hour)).toMatchObject({
    message: expect.stringContaining('1970-01-01T00:00:00.000Z'),
  });
});

test('a foreign path is shown in part, and on one line', () => {
  const { message } = wrappingTokenNotOurs(
    `kv/\n\u001b[31m"${'x'.repeat(500)}`,
    'auth/approle/role/job/secret-id',
  );

  expect(message).toMatch(
    /created by `kv\/\?\?\?31m\?x+…`, and only `auth\/approle\/role\/job\/secret-id` is accepted/,
  );
  expect(message.length).toBeLessThan(700);
});

test('the setting that would accept it is named only for a SecretID that was wrapped again', () => {
  expect(wrappingTokenNotOurs('sys/wrapping/wrap', 'x').message).toContain('STINT_ACCEPT_REWRAPPED=true');
  expect(wrappingTokenNotOurs('sys/wrapping/wrap2', 'x').message).not.toContain('STINT_ACCEPT_REWRAPPED');
});
