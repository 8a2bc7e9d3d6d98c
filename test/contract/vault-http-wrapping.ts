import { expect, test } from 'vitest';
import { denied, unknownToken, type VaultBench, type Words } from './vault-http-bench.js';

const unwrapPath = 'sys/wrapping/unwrap';
const notValid = { status: 400, body: { errors: ['wrapping token is not valid or does not exist'] } };

/** Asks for a wrapped answer; empty where there was none. */
async function wrapped(bench: VaultBench, method: string, path: string, words: Words = {}) {
  const { body } = await bench.ask(method, path, { wrap: '5m', ...words });
  return body.wrap_info ?? { token: '', accessor: '', creation_path: '' };
}

/** The path of a secret that holds `x: y`, on a mount of its own. */
async function secret(bench: VaultBench): Promise<string> {
  const mount = await bench.mount('kv-v1');
  await bench.ask('POST', `${mount}/a/b`, { body: { x: 'y' } });
  return `${mount}/a/b`;
}

export function wrappingRules(bench: VaultBench): void {
  const unwrap = (token: string) => bench.ask('POST', unwrapPath, { token });

  test('any answer can be wrapped, and names its origin', async () => {
    const path = await secret(bench);
    const [mount = ''] = path.split('/');
    const read = await wrapped(bench, 'GET', path);
    const listed = await wrapped(bench, 'LIST', mount);
    const created = await wrapped(bench, 'POST', 'auth/token/create', {
      body: { policies: ['default'], ttl: '1m' },
    });

    expect([read, listed, created].map((info) => info.creation_path)).toEqual([
      path,
      `${mount}/`,
      'auth/token/create',
    ]);
    expect((await unwrap(read.token)).body).toMatchObject({ data: { x: 'y' }, wrap_info: null });
    expect((await unwrap(listed.token)).body.data).toEqual({ keys: ['a/'] });
    expect((await unwrap(created.token)).body.auth?.accessor).toBe(created.wrapped_accessor);
  });

  test.each(['in the header', 'in the body'])('named %s it opens once', async (where) => {
    const { token } = await wrapped(bench, 'GET', await secret(bench));
    const open = () =>
      bench.ask('POST', unwrapPath, where === 'in the header' ? { token } : { body: { token } });

    expect((await open()).body.data).toEqual({ x: 'y' });
    expect(await open()).toEqual(notValid);
    expect(await bench.ask('POST', 'sys/wrapping/lookup', { token: '', body: { token } })).toEqual(notValid);
  });

  test('named in both it counts twice, fails and is gone', async () => {
    const { token } = await wrapped(bench, 'GET', await secret(bench));

    expect((await bench.ask('POST', unwrapPath, { token, body: { token } })).status).toBe(500);
    expect(await bench.ask('POST', unwrapPath, { token })).toEqual(notValid);
  });

  test('named in the body without a token in the header it is not opened', async () => {
    const { token } = await wrapped(bench, 'GET', await secret(bench));

    expect((await bench.ask('POST', unwrapPath, { token: '', body: { token } })).status).toBe(403);
    expect((await bench.ask('POST', unwrapPath, { token })).status).toBe(200);
  });
}

export function wrapLookUpRules(bench: VaultBench): void {
  test('a look-up needs no right and spends nothing', async () => {
    const path = await secret(bench);
    const { token } = await wrapped(bench, 'GET', path, { wrap: '90s' });
    const facts = { creation_path: path, creation_ttl: 90, creation_time: expect.any(String) };

    expect(
      (await bench.ask('POST', 'sys/wrapping/lookup', { token: '', body: { token } })).body.data,
    ).toEqual(facts);
    expect((await bench.ask('POST', 'sys/wrapping/lookup', { token })).body.data).toEqual(facts);
    expect((await bench.ask('POST', unwrapPath, { token })).status).toBe(200);
  });

  test('used as a token it is spent and opens nothing any more', async () => {
    const path = await secret(bench);
    const { token } = await wrapped(bench, 'GET', path);

    expect(await bench.ask('GET', path, { token })).toEqual(denied);
    expect(await bench.ask('GET', path, { token })).toEqual(unknownToken);
    expect(await bench.ask('POST', unwrapPath, { token })).toEqual(notValid);
  });

  test('its cubbyhole holds the answer as a text', async () => {
    const { token } = await wrapped(bench, 'GET', await secret(bench));

    const { body } = await bench.ask('GET', 'cubbyhole/response', { token });

    expect(JSON.parse(String(body.data?.response))).toMatchObject({ data: { x: 'y' } });
  });

  test.each(['hvs.none', 'garbage'])('%s is not a wrapping token', async (token) => {
    expect(await bench.ask('POST', unwrapPath, { token })).toEqual(notValid);
    expect(await bench.ask('POST', 'sys/wrapping/lookup', { token: '', body: { token } })).toEqual(notValid);
  });

  test('a token that is not a wrapping token is not used up by the request', async () => {
    const { client_token: token } = await bench.token({ policies: ['default'], ttl: '1m', num_uses: 1 });

    expect(await bench.ask('POST', unwrapPath, { token })).toEqual(notValid);
    expect((await bench.ask('GET', 'auth/token/lookup-self', { token })).status).toBe(200);
  });
}

export function wrapLimitRules(bench: VaultBench): void {
  test('a text that was sent is wrapped, and never returned unwrapped', async () => {
    const { token, creation_path: path } = await wrapped(bench, 'POST', 'sys/wrapping/wrap', {
      body: { a: { b: 1 } },
    });

    expect(path).toBe('sys/wrapping/wrap');
    expect((await bench.ask('POST', unwrapPath, { token })).body.data).toEqual({ a: { b: 1 } });
    expect(await bench.ask('POST', 'sys/wrapping/wrap', { body: { a: 1 } })).toEqual({
      status: 400,
      body: { errors: ['endpoint requires response wrapping to be used'] },
    });
  });

  test('neither an error nor an empty answer is wrapped', async () => {
    const path = await secret(bench);

    expect(await bench.ask('GET', `${path}/none`, { wrap: '60' })).toEqual({
      status: 404,
      body: { errors: [] },
    });
    expect((await bench.ask('POST', path, { wrap: '60', body: { x: 'z' } })).status).toBe(204);
    expect((await bench.ask('GET', path, { wrap: 'soon' })).status).toBe(400);
    expect((await bench.ask('GET', path, { wrap: '0' })).body.data).toEqual({ x: 'z' });
  });

  test('it expires', async () => {
    const { token } = await wrapped(bench, 'GET', await secret(bench), { wrap: '1s' });

    await expect
      .poll(() => bench.ask('POST', 'sys/wrapping/lookup', { token: '', body: { token } }), {
        timeout: 10_000,
      })
      .toEqual(notValid);
  });

  test('it lives on when the token is revoked that asked for it', async () => {
    const path = await secret(bench);
    const reader = await bench.tokenOf(`path "${path}" { capabilities = ["read"] }`);
    const { token } = await wrapped(bench, 'GET', path, { token: reader });

    await bench.ask('POST', 'auth/token/revoke', { body: { token: reader } });

    expect((await bench.ask('POST', unwrapPath, { token })).body.data).toEqual({ x: 'y' });
  });
}
