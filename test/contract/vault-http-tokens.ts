import { expect, test } from 'vitest';
import { denied, unknownToken, type VaultBench } from './vault-http-bench.js';
import { refusal } from './vault-http-servers.js';

const lookUpSelf = 'auth/token/lookup-self';

export function useRules(bench: VaultBench): void {
  test('every request takes one, a refused one too, and the last one is still answered', async () => {
    const { client_token: token, accessor } = await bench.token({
      policies: ['default'],
      ttl: '5m',
      num_uses: 4,
    });
    const left = async () =>
      (await bench.ask('POST', 'auth/token/lookup-accessor', { body: { accessor } })).body.data?.num_uses;

    expect(await left()).toBe(4);
    expect(await bench.ask('GET', lookUpSelf, { token })).toMatchObject({
      status: 200,
      body: { data: { num_uses: 3 } },
    });
    expect(await bench.ask('GET', 'secret/data/x', { token })).toEqual(denied);
    expect(await bench.ask('GET', 'nothing/here', { token })).toEqual(denied);
    expect(await left()).toBe(1);
    expect((await bench.ask('GET', lookUpSelf, { token })).body.data).toMatchObject({ num_uses: -1 });

    expect(await bench.ask('GET', lookUpSelf, { token })).toEqual(unknownToken);
    // The token is invalid at once; Vault removes its data a moment later.
    await expect
      .poll(() => bench.ask('POST', 'auth/token/lookup-accessor', { body: { accessor } }), {
        timeout: 10_000,
      })
      .toEqual({ status: 400, body: { errors: ['1 error occurred:\n\t* invalid accessor\n\n'] } });
  });

  test('the last one can revoke', async () => {
    const { client_token: token } = await bench.token({ policies: ['default'], ttl: '5m', num_uses: 1 });

    expect((await bench.ask('POST', 'auth/token/revoke-self', { token })).status).toBe(204);

    expect((await bench.ask('GET', lookUpSelf, { token })).status).toBe(403);
    await expect.poll(() => bench.isAlive(token), { timeout: 10_000 }).toBe(false);
  });

  test('a token of few uses makes no other', async () => {
    const policy = await bench.policy('path "auth/token/create" { capabilities = ["update"] }');
    const { client_token: token } = await bench.token({ policies: [policy], ttl: '5m', num_uses: 5 });

    expect(await bench.ask('POST', 'auth/token/create', { token, body: {} })).toMatchObject({
      status: 400,
      body: { errors: ['restricted use token cannot generate child tokens'] },
    });
  });

  test.each([
    ['no text at all', '', unknownToken],
    ['garbage', 'garbage', unknownToken],
    ['one that looks right', 'hvs.garbage', unknownToken],
    ['a batch token of nobody', 'hvb.AAAA', unknownToken],
  ])('%s is no token', async (_, token, answer) => {
    expect(await bench.ask('GET', lookUpSelf, { token })).toEqual(answer);
  });

  test('one of another namespace is no token', async () => {
    const heard = await bench.ask('GET', lookUpSelf, { token: 'a.b.c' });

    expect(heard).toEqual(await refusal(bench, 'a token of a namespace that is none'));
  });
}

/** May make tokens. */
const maker = `
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/create-orphan" { capabilities = ["update"] }
`;

export function childRules(bench: VaultBench): void {
  test('they and theirs end with it, and orphans do not', async () => {
    const policy = await bench.policy(maker);
    const parent = await bench.token({ policies: [policy], ttl: '5m' });
    const child = await bench.token({ ttl: '5m' }, parent.client_token);
    const grandchild = await bench.token({ ttl: '5m' }, child.client_token);
    const orphan = await bench.ask('POST', 'auth/token/create-orphan', {
      token: parent.client_token,
      body: {},
    });
    const { body } = await bench.ask('GET', lookUpSelf, { token: child.client_token });
    expect(body.data).toMatchObject({ orphan: false, policies: ['default', policy].toSorted() });

    await bench.ask('POST', 'auth/token/revoke-accessor', { body: { accessor: parent.accessor } });

    const family = [child, grandchild, orphan.body.auth].map((auth) => auth?.client_token ?? '');
    expect(await Promise.all(family.map((token) => bench.isAlive(token)))).toEqual([false, false, true]);
  });

  test('they live on when it alone is revoked', async () => {
    const parent = await bench.token({ policies: [await bench.policy(maker)], ttl: '5m' });
    const child = await bench.token({ ttl: '5m' }, parent.client_token);

    await bench.ask('POST', 'auth/token/revoke-orphan', { body: { token: parent.client_token } });

    expect([await bench.isAlive(parent.client_token), await bench.isAlive(child.client_token)]).toEqual([
      false,
      true,
    ]);
    const { body } = await bench.ask('GET', lookUpSelf, { token: child.client_token });
    expect(body.data).toMatchObject({ orphan: true });
  });

  test('they end when its time does', async () => {
    const parent = await bench.token({ policies: [await bench.policy(maker)], ttl: '1s' });
    const child = await bench.token({ ttl: '5m' }, parent.client_token);

    await expect.poll(() => bench.isAlive(child.client_token), { timeout: 10_000 }).toBe(false);
  });
}

export function limitedChildRules(bench: VaultBench): void {
  test('may do no more than it', async () => {
    const token = await bench.tokenOf(maker);
    const create = (body: object) => bench.ask('POST', 'auth/token/create', { token, body });

    expect(await create({ policies: ['other'] })).toEqual({
      status: 400,
      body: { errors: ['child policies must be subset of parent'] },
    });
    expect((await create({ policies: ['root'] })).status).toBe(400);
    expect(await create({ no_parent: true })).toMatchObject({
      body: { errors: ['root or sudo privileges required to create orphan token'] },
    });
    expect(await create({ id: 'chosen' })).toMatchObject({
      body: { errors: ['root or sudo privileges required to specify token id'] },
    });
    expect(await create({ period: '1h' })).toMatchObject({
      body: { errors: ['root or sudo privileges required to create periodic token'] },
    });
    expect((await create({})).body.auth).toMatchObject({ orphan: false, entity_id: '' });
  });

  test('a batch token is one too, without an accessor and beyond revocation', async () => {
    const parent = await bench.token({ policies: [await bench.policy(maker)], ttl: '5m' });
    const batch = await bench.token({ type: 'batch', ttl: '5m' }, parent.client_token);
    const { client_token: token } = batch;
    expect(batch).toMatchObject({ accessor: '', renewable: false, token_type: 'batch' });
    expect((await bench.ask('GET', lookUpSelf, { token })).body.data).toMatchObject({
      type: 'batch',
      accessor: '',
    });
    expect(await bench.ask('POST', 'auth/token/revoke', { body: { token } })).toMatchObject({ status: 400 });

    await bench.ask('POST', 'auth/token/revoke', { body: { token: parent.client_token } });

    expect((await bench.ask('GET', lookUpSelf, { token })).status).toBe(403);
  });
}

export function lifeRules(bench: VaultBench): void {
  test('a renewal gives the requested time, else the time that was given last', async () => {
    const { client_token: token } = await bench.token({ policies: ['default'], ttl: '10m' });
    const renew = async (body: object) =>
      (await bench.ask('POST', 'auth/token/renew-self', { token, body })).body.auth?.lease_duration;

    expect([await renew({}), await renew({ increment: '20m' }), await renew({})]).toEqual([600, 1200, 1200]);
  });

  test('a renewal ends at the longest life time', async () => {
    const body = { policies: ['default'], ttl: '1m', explicit_max_ttl: '90s' };
    const { client_token: token } = await bench.token(body);

    const { body: answer } = await bench.ask('POST', 'auth/token/renew-self', {
      token,
      body: { increment: '1h' },
    });

    expect(answer.auth?.lease_duration).toBeGreaterThanOrEqual(85);
    expect(answer.auth?.lease_duration).toBeLessThanOrEqual(90);
    expect(answer.warnings).toHaveLength(1);
  });

  test('a token that is not renewable stays as it is', async () => {
    const { client_token: token } = await bench.token({ policies: ['default'], ttl: '1m', renewable: false });

    expect(await bench.ask('POST', 'auth/token/renew-self', { token })).toMatchObject({
      status: 400,
      body: { errors: ['lease is not renewable'] },
    });
  });

  test('a periodic token gets its period again and again', async () => {
    const auth = await bench.token({ policies: ['default'], period: '5m' });

    const { body } = await bench.ask('POST', 'auth/token/renew-accessor', {
      body: { accessor: auth.accessor, increment: '1h' },
    });

    expect(auth.lease_duration).toBe(300);
    expect(body.auth).toMatchObject({ client_token: '', lease_duration: 300 });
  });
}

export function lookUpRules(bench: VaultBench): void {
  test('a token can be looked up by itself, by its text and by its accessor, which does not reveal it', async () => {
    const auth = await bench.token({
      policies: ['default'],
      ttl: '1m',
      meta: { a: 'b' },
      display_name: 'me, here',
    });
    const { client_token: token, accessor } = auth;

    const own = await bench.ask('GET', lookUpSelf, { token });
    const named = await bench.ask('POST', 'auth/token/lookup', { body: { token } });
    const byAccessor = await bench.ask('POST', 'auth/token/lookup-accessor', { body: { accessor } });

    const facts = {
      accessor,
      display_name: 'token-me--here',
      meta: { a: 'b' },
      path: 'auth/token/create',
      policies: ['default'],
      type: 'service',
    };
    expect(own.body.data).toMatchObject({ ...facts, id: token });
    expect(named.body.data).toMatchObject({ ...facts, id: token });
    expect(byAccessor.body.data).toMatchObject({ ...facts, id: '' });
  });

  test('revoking a token that is gone succeeds', async () => {
    const { client_token: token, accessor } = await bench.token({ policies: ['default'], ttl: '1m' });
    await bench.ask('POST', 'auth/token/revoke-self', { token });

    const again = await bench.ask('POST', 'auth/token/revoke', { body: { token } });
    const byAccessor = await bench.ask('POST', 'auth/token/revoke-accessor', { body: { accessor } });
    const named = await bench.ask('POST', 'auth/token/lookup', { body: { token } });

    expect(again.status).toBe(204);
    expect(byAccessor).toMatchObject({
      status: 200,
      body: { warnings: ['No token found with this accessor'] },
    });
    expect(named).toEqual({ status: 403, body: { errors: ['bad token'] } });
  });

  test('a policy that does not exist gives a warning', async () => {
    const { body } = await bench.ask('POST', 'auth/token/create', {
      body: { policies: ['not-there'], ttl: '1m' },
    });

    expect(body.warnings).toEqual(['Policy "not-there" does not exist']);
    expect(body.auth?.policies).toEqual(['default', 'not-there']);
  });
}
