import { expect, test } from 'vitest';
import { identityOf } from '../../src/docker/identity.js';

test('the same key gives the same identity, another key another one', () => {
  const key = Buffer.alloc(32, 1);

  expect(identityOf(key)).toEqual(identityOf(Buffer.from(key)));
  expect(identityOf(key).installation).toMatch(/^[0-9a-f]{16}$/);
  expect(identityOf(Buffer.alloc(32, 2)).installation).not.toBe(identityOf(key).installation);
});

test('the installation id does not reveal the tag key', () => {
  const { installation, tagKey } = identityOf(Buffer.alloc(32, 1));

  expect(tagKey).toHaveLength(32);
  expect(Buffer.from(tagKey).toString('hex')).not.toContain(installation);
});
