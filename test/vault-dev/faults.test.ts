import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedVault, startEmbeddedVault } from '../../vault-dev/embedded/embedded.js';
import { ask } from '../contract/vault-http-bench.js';

let vault: EmbeddedVault;

beforeEach(async () => {
  vault = await startEmbeddedVault({ rootToken: 'root' });
  await ask(vault, 'POST', 'secret/data/a', { body: { data: { x: 1 } } });
});

afterEach(() => vault[Symbol.asyncDispose]());

const read = () => ask(vault, 'GET', 'secret/data/a');
const versionOf = async () => (await read()).body.data?.metadata;

describe('a fault', () => {
  test('of the kind sealed refuses, and does nothing', async () => {
    vault.fail(/^secret\//, { kind: 'sealed' }, 1);

    expect(await ask(vault, 'POST', 'secret/data/a', { body: { data: { x: 2 } } })).toEqual({
      status: 503,
      body: { errors: ['Vault is sealed'] },
    });
    expect(await versionOf()).toMatchObject({ version: 1 });
  });

  test('of the kind forbidden refuses as for a missing right', async () => {
    vault.fail(/^secret\//, { kind: 'forbidden' });

    expect(await read()).toEqual({
      status: 403,
      body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] },
    });
  });

  test('of the kind forget does what was asked, and drops the answer', async () => {
    vault.fail(/^secret\//, { kind: 'forget' }, 1);

    await expect(ask(vault, 'POST', 'secret/data/a', { body: { data: { x: 2 } } })).rejects.toThrow(
      'fetch failed',
    );

    expect(await versionOf()).toMatchObject({ version: 2 });
  });

  test('of the kind refuse cuts the connection, and does nothing', async () => {
    vault.fail(/^secret\//, { kind: 'refuse' }, 1);

    await expect(ask(vault, 'POST', 'secret/data/a', { body: { data: { x: 2 } } })).rejects.toThrow(
      'fetch failed',
    );

    expect(await versionOf()).toMatchObject({ version: 1 });
  });

  test('of the kind slow answers later', async () => {
    vault.fail(/^secret\//, { kind: 'slow', ms: 200 });
    const began = performance.now();

    expect((await read()).status).toBe(200);

    expect(performance.now() - began).toBeGreaterThanOrEqual(195);
  });

  test('applies only to what matches, as often as was asked, and ends with `heal`', async () => {
    vault.fail(
      ({ method, path, token }) => method === 'GET' && path === 'secret/data/a' && token === 'root',
      {
        kind: 'sealed',
      },
      2,
    );

    expect((await ask(vault, 'GET', 'secret/metadata/a')).status).toBe(200);
    expect([(await read()).status, (await read()).status, (await read()).status]).toEqual([503, 503, 200]);
    vault.fail(/./, { kind: 'sealed' });
    expect((await read()).status).toBe(503);
    vault.heal();
    expect((await read()).status).toBe(200);
  });

  test('the newest fault counts', async () => {
    vault.fail(/./, { kind: 'sealed' });
    vault.fail(/^secret\//, { kind: 'forbidden' }, 1);

    expect([(await read()).status, (await read()).status]).toEqual([403, 503]);
  });
});

describe('an embedded Vault', () => {
  test('listens on loopback alone, with the root token that was asked for', async () => {
    expect(vault.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(vault.rootToken).toBe('root');
    expect((await ask(vault, 'GET', 'auth/token/lookup-self')).body.data).toMatchObject({
      policies: ['root'],
    });
  });

  test('is sealed and unsealed by hand', async () => {
    vault.seal();
    expect((await read()).status).toBe(503);
    vault.unseal();
    expect((await read()).status).toBe(200);
  });

  test('says when its port is taken', async () => {
    const port = Number(new URL(vault.address).port);

    await expect(startEmbeddedVault({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('ends at once, also with an answer on its way', async () => {
    const own = await startEmbeddedVault();
    const arrival = new Promise<void>((arrive) => {
      own.fail(
        () => {
          arrive();
          return true;
        },
        { kind: 'slow', ms: 60_000 },
      );
    });
    const waiting = ask(own, 'GET', 'sys/health').catch(() => 'cut');
    await arrival;
    const began = performance.now();

    await own[Symbol.asyncDispose]();

    expect(await waiting).toBe('cut');
    expect(performance.now() - began).toBeLessThan(5_000);
    await expect(ask(own, 'GET', 'sys/health')).rejects.toThrow('fetch failed');
  });

  test('answers nothing but errors to what is no path of its API', async () => {
    for (const path of ['%zz', 'secret/data/%2e%2e/a', '..%2f..%2fsys/seal', '']) {
      const response = await fetch(`${vault.address}/v1/${path}`, { headers: { 'X-Vault-Token': 'root' } });
      expect(response.status).toBeGreaterThanOrEqual(400);
      await response.body?.cancel();
    }
  });

  test('refuses parts of policies that it does not know, because it would not enforce them', async () => {
    const policy = 'path "a" { capabilities = ["read"] allowed_parameters = { "x" = [] } }';

    expect(await ask(vault, 'POST', 'sys/policies/acl/p', { body: { policy } })).toMatchObject({
      status: 400,
      body: { errors: [expect.stringContaining('does not know "allowed_parameters"')] },
    });
  });
});
