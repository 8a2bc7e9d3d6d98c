import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import { openRequest, sealRequest } from '../../../src/queue/service/seal.js';

const key = randomBytes(32);
const context = { id: 'a'.repeat(24), door: 'gostint', queue: 'q', ownerKey: 'entity:1' };
const request = {
  wrappedSecretId: new Secret('s.wrap'),
  ciphertext: 'vault:v1:x',
  fields: { image: 'busybox' },
};

describe('a sealed request', () => {
  test('opens to what was sealed', () => {
    const opened = openRequest(key, context, sealRequest(key, context, request));

    expect(opened.wrappedSecretId?.reveal()).toBe('s.wrap');
    expect(opened).toMatchObject({ ciphertext: 'vault:v1:x', fields: { image: 'busybox' } });
  });

  test('need not have a wrapped SecretID', () => {
    const sealed = sealRequest(key, context, { ...request, wrappedSecretId: undefined });

    expect(openRequest(key, context, sealed).wrappedSecretId).toBeUndefined();
  });

  test('shows nothing of its content', () => {
    expect(Buffer.from(sealRequest(key, context, request)).toString('latin1')).not.toContain('s.wrap');
  });

  test.each([
    ['another job', { ...context, id: 'b'.repeat(24) }],
    ['another queue', { ...context, queue: 'other' }],
    ['no queue', { ...context, queue: null }],
    ['another owner', { ...context, ownerKey: 'entity:2' }],
  ])('does not open for %s', (_, other) => {
    const sealed = sealRequest(key, context, request);

    expect(() => openRequest(key, other, sealed)).toThrow('Could not open the stored request');
  });

  test('that is gone is told apart from one that was changed', () => {
    expect(() => openRequest(key, context, null)).toThrow('Could not find the stored request of this job');
  });

  test('does not open with another key, or when a byte was changed', () => {
    const sealed = sealRequest(key, context, request);
    const changed = Uint8Array.from(sealed, (byte, i) => (i === 30 ? byte ^ 1 : byte));

    expect(() => openRequest(randomBytes(32), context, sealed)).toThrow('changed in the database');
    expect(() => openRequest(key, context, changed)).toThrow('changed in the database');
    expect(() => openRequest(key, context, sealed.subarray(0, 8))).toThrow('changed in the database');
  });
});
