import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import type { VaultBench } from './vault-http-bench.js';

const nothing = { status: 404, body: { errors: [] } };

/** A mount with a key `k`, and what it does. */
async function start(bench: VaultBench) {
  const mount = await bench.mount('transit');
  await bench.ask('POST', `${mount}/keys/k`, { body: {} });
  const encrypt = async (plaintext: string) =>
    String((await bench.ask('POST', `${mount}/encrypt/k`, { body: { plaintext } })).body.data?.ciphertext);
  const decrypt = (ciphertext: string) => bench.ask('POST', `${mount}/decrypt/k`, { body: { ciphertext } });
  return { mount, encrypt, decrypt };
}

export function transitRules(bench: VaultBench): void {
  test.each(['YWJj', '', 'AAECAw=='])(
    'what was encrypted comes back (%j), never looking the same',
    async (plaintext) => {
      const { encrypt, decrypt } = await start(bench);
      const [one, other] = [await encrypt(plaintext), await encrypt(plaintext)];

      expect(one).toMatch(/^vault:v1:[A-Za-z0-9+/]+=*$/);
      expect(one).not.toBe(other);
      expect((await decrypt(one)).body.data).toEqual({ plaintext });
    },
  );

  test('old versions of a key still open, and other keys do not', async () => {
    const { mount, encrypt, decrypt } = await start(bench);
    const old = await encrypt('YWJj');
    await bench.ask('POST', `${mount}/keys/k/rotate`);

    expect(await encrypt('YWJj')).toMatch(/^vault:v2:/);
    expect((await decrypt(old)).body.data).toEqual({ plaintext: 'YWJj' });
    const foreign = await (await start(bench)).decrypt(old);
    expect(foreign).toEqual({ status: 400, body: { errors: ['cipher: message authentication failed'] } });
    await bench.ask('POST', `${mount}/keys/k/config`, { body: { min_decryption_version: 2 } });
    expect((await decrypt(old)).status).toBe(400);
  });

  test.each([
    ['nope', 'invalid ciphertext: no prefix'],
    ['vault:v9:AAAA', 'invalid ciphertext: version is too new'],
    ['vault:vx:AAAA', 'invalid ciphertext: version number could not be decoded'],
    ['vault:v1:####', 'invalid ciphertext: could not decode base64'],
    ['vault:v1:AAAA', 'invalid ciphertext length'],
    ['', 'missing ciphertext to decrypt'],
  ])('the ciphertext %j is refused', async (ciphertext, error) => {
    const { mount } = await start(bench);
    const body = ciphertext === '' ? {} : { ciphertext };

    expect(await bench.ask('POST', `${mount}/decrypt/k`, { body })).toEqual({
      status: 400,
      body: { errors: [error] },
    });
  });
}

export function transitKeyRules(bench: VaultBench): void {
  test('a key is made, shown, and deleted only where that is allowed', async () => {
    const { mount } = await start(bench);
    const key = `${mount}/keys/k`;
    expect((await bench.ask('GET', key)).body.data).toMatchObject({
      name: 'k',
      type: 'aes256-gcm96',
      latest_version: 1,
    });
    expect((await bench.ask('LIST', `${mount}/keys`)).body.data).toEqual({ keys: ['k'] });

    expect((await bench.ask('DELETE', key)).status).toBe(400);
    await bench.ask('POST', `${key}/config`, { body: { deletion_allowed: true } });
    expect((await bench.ask('DELETE', key)).status).toBe(204);

    expect(await bench.ask('GET', key)).toEqual(nothing);
    expect(await bench.ask('POST', `${mount}/decrypt/k`, { body: { ciphertext: 'vault:v1:AAAA' } })).toEqual({
      status: 400,
      body: { errors: ['encryption key not found'] },
    });
  });

  test('a caller who may only update cannot create a key', async () => {
    const { mount } = await start(bench);
    const token = await bench.tokenOf(`path "${mount}/encrypt/*" { capabilities = ["update"] }`);
    const encrypt = async (key: string) =>
      (await bench.ask('POST', `${mount}/encrypt/${key}`, { token, body: { plaintext: 'YWJj' } })).status;

    expect([await encrypt('k'), await encrypt('new')]).toEqual([200, 403]);
  });
}

export function transitSigningRules(bench: VaultBench): void {
  const input = Buffer.from('what is signed').toString('base64');

  test('what an ed25519 key signed is verified with its public key', async () => {
    const { mount } = await start(bench);
    await bench.ask('POST', `${mount}/keys/s`, { body: { type: 'ed25519' } });
    await bench.ask('POST', `${mount}/keys/s/rotate`);

    const { body } = await bench.ask('POST', `${mount}/sign/s`, { body: { input } });
    const { body: key } = await bench.ask('GET', `${mount}/keys/s`);

    expect(body.data).toMatchObject({ key_version: 2 });
    expect(key.data).toMatchObject({
      type: 'ed25519',
      latest_version: 2,
      supports_signing: true,
      supports_encryption: false,
      keys: { 1: { name: 'ed25519' }, 2: { name: 'ed25519' } },
    });
    const keys = key.data?.keys as Record<string, { public_key: string }>;
    const signature = Buffer.from(String(body.data?.signature).replace('vault:v2:', ''), 'base64');
    const isSignedBy = (version: number) => {
      const x = Buffer.from(keys[version]?.public_key ?? '', 'base64').toString('base64url');
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
      return verify(null, Buffer.from('what is signed'), publicKey, signature);
    };
    expect([isSignedBy(1), isSignedBy(2)]).toEqual([false, true]);
  });

  test('a key that does not sign, or is not there, is refused, and so is input that is no base64', async () => {
    const { mount } = await start(bench);
    await bench.ask('POST', `${mount}/keys/s`, { body: { type: 'ed25519' } });
    const sign = async (key: string, text: string) =>
      (await bench.ask('POST', `${mount}/sign/${key}`, { body: { input: text } })).status;
    const encrypt = await bench.ask('POST', `${mount}/encrypt/s`, { body: { plaintext: 'YWJj' } });

    expect([await sign('k', input), await sign('nope', input), await sign('s', '####')]).toEqual([
      400, 400, 400,
    ]);
    expect(encrypt.status).toBe(400);
  });
}

export function cubbyholeRules(bench: VaultBench): void {
  test('each token has its own, which ends with it', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(() => bench.token({ policies: ['default'], ttl: '1m' })),
    );
    const [token = '', stranger = ''] = [one?.client_token, other?.client_token];
    await bench.ask('POST', 'cubbyhole/a/b', { token, body: { x: 'y' } });

    expect((await bench.ask('GET', 'cubbyhole/a/b', { token })).body.data).toEqual({ x: 'y' });
    expect((await bench.ask('LIST', 'cubbyhole', { token })).body.data).toEqual({ keys: ['a/'] });
    expect(await bench.ask('GET', 'cubbyhole/a/b', { token: stranger })).toEqual(nothing);
    expect(await bench.ask('GET', 'cubbyhole/a/b')).toEqual(nothing);
    expect((await bench.ask('DELETE', 'cubbyhole/a/b', { token })).status).toBe(204);
    expect(await bench.ask('GET', 'cubbyhole/a/b', { token })).toEqual(nothing);
  });

  test('a batch token has none', async () => {
    const { client_token: token } = await bench.token({ policies: ['default'], ttl: '1m', type: 'batch' });

    expect(
      (await bench.ask('POST', 'cubbyhole/a', { token, body: { x: 'y' } })).status,
    ).toBeGreaterThanOrEqual(400);
    expect((await bench.ask('GET', 'cubbyhole/a', { token })).status).toBeGreaterThanOrEqual(400);
  });
}
