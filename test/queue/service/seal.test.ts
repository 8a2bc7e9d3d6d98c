import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OpenedRequest } from '../../../src/executor/run.js';
import type { ContainerOptions } from '../../../src/job/options/options.js';
import { Secret } from '../../../src/job/secret.js';
import { openRequest, sealRequest } from '../../../src/queue/service/seal.js';

const key = randomBytes(32);
const context = { id: 'a'.repeat(24), door: 'gostint', queue: 'q', ownerKey: 'entity:1' };
const request = {
  wrappedSecretId: new Secret('s.wrap'),
  ciphertext: 'vault:v1:x',
  fields: { image: 'busybox' },
};

/** The sealed request as it is stored, and the size of its largest piece. */
async function seal(given: OpenedRequest): Promise<{ sealed: Buffer; largest: number }> {
  const sealing = sealRequest(key, context, given);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await sealing.next();
    const largest = Math.max(...pieces.map(({ length }) => length));
    if (done === true) return { sealed: Buffer.concat([value, ...pieces]), largest };
    pieces.push(value);
  }
}

/** What a version that knew no pieces has sealed. */
function sealText(text: string): Buffer {
  const iv = randomBytes(12);
  const sealing = createCipheriv('aes-256-gcm', key, iv);
  sealing.setAAD(Buffer.from(JSON.stringify([context.id, context.door, context.queue, context.ownerKey])));
  const body = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
  return Buffer.concat([iv, sealing.getAuthTag(), body]);
}

describe('a sealed request', () => {
  test('opens to what was sealed', async () => {
    const opened = await openRequest(key, context, (await seal(request)).sealed);

    expect(opened.wrappedSecretId?.reveal()).toBe('s.wrap');
    expect(opened).toMatchObject({ ciphertext: 'vault:v1:x', fields: { image: 'busybox' } });
  });

  test('need not have a wrapped SecretID', async () => {
    const { sealed } = await seal({ ...request, wrappedSecretId: undefined });

    expect((await openRequest(key, context, sealed)).wrappedSecretId).toBeUndefined();
  });

  test('opens to its content and its ciphertext, however long they are, and is sealed in small pieces', async () => {
    const content = randomBytes(1_000_001);
    const ciphertext = `vault:v1:${randomBytes(600_000).toString('base64')}`;
    const env = ['A="content":"x"', 'B=\\"ciphertext":"\\'];

    const { sealed, largest } = await seal({ ...request, ciphertext, fields: { env, tty: true }, content });
    const opened = await openRequest(key, context, sealed);

    expect(largest).toBeLessThanOrEqual(128 * 1024);
    expect(opened.fields).toEqual({ env, tty: true });
    expect(Buffer.from(opened.ciphertext as Uint8Array).toString()).toBe(ciphertext);
    expect(content.equals(opened.content ?? Buffer.alloc(0))).toBe(true);
  });

  test('opens to what was sealed where something else in it has the name of a long text', async () => {
    const fields = { image: 'busybox', options: { content: 'AAAA', ciphertext: 'BBBB' } as ContainerOptions };

    const { sealed } = await seal({ ...request, ciphertext: undefined, fields });

    expect((await openRequest(key, context, sealed)).fields).toEqual(fields);
  });

  test('takes a ciphertext as bytes, too', async () => {
    const bytes = Buffer.from(`vault:v1:${'a'.repeat(200_000)}`);

    const { sealed } = await seal({ ...request, ciphertext: bytes });

    const { ciphertext } = await openRequest(key, context, sealed);
    expect(bytes.equals(ciphertext as Uint8Array)).toBe(true);
  });

  test('is one JSON text with the content in it, as earlier versions read and write it', async () => {
    const fields = { image: 'busybox', content: 'targz,QUJD\nREVG' };
    const sealed = sealText(JSON.stringify({ wrappedSecretId: 's.wrap', fields }));

    expect(await openRequest(key, context, sealed)).toMatchObject({ fields });
    const plain = sealText(JSON.stringify({ fields: { content: 'targz,QUJD' }, wrappedSecretId: 's.wrap' }));
    const opened = await openRequest(key, context, plain);
    expect(opened.fields).toEqual({});
    expect(Buffer.from(opened.content ?? []).toString()).toBe('ABC');
  });
});

describe('a sealed request in the database', () => {
  test('shows nothing of its content', async () => {
    expect((await seal(request)).sealed.toString('latin1')).not.toContain('s.wrap');
  });

  test.each([
    ['another job', { ...context, id: 'b'.repeat(24) }],
    ['another queue', { ...context, queue: 'other' }],
    ['no queue', { ...context, queue: null }],
    ['another owner', { ...context, ownerKey: 'entity:2' }],
  ])('does not open for %s', async (_, other) => {
    const { sealed } = await seal(request);

    await expect(openRequest(key, other, sealed)).rejects.toThrow('Could not open the stored request');
  });

  test('that is gone is told apart from one that was changed', async () => {
    await expect(openRequest(key, context, null)).rejects.toThrow(
      'Could not find the stored request of this job',
    );
  });

  test('does not open with another key, or when a byte was changed', async () => {
    const { sealed } = await seal(request);
    const changed = Uint8Array.from(sealed, (byte, i) => (i === 30 ? byte ^ 1 : byte));
    const cut = sealed.subarray(0, 8);

    await expect(openRequest(key, context, cut)).rejects.toThrow('changed in the database');
    await expect(openRequest(key, context, changed)).rejects.toThrow('changed in the database');
    await expect(openRequest(randomBytes(32), context, sealed)).rejects.toThrow('changed in the database');
  });
});
