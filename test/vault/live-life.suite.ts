import { expect, test } from 'vitest';
import { sealed } from './fault-proxy.js';
import { open, type Start } from './live-open.js';

const options = { continueOnWarnings: false };

const renewSelf = /^auth\/token\/renew-self$/;

export function renewalRules(start: Start): void {
  test('a token is renewed beyond its first TTL while its job runs', async () => {
    const bench = await start({ role: { token_ttl: '2s', token_num_uses: 0 } });
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();

    await expect.poll(() => bench.proxy.count(renewSelf), { timeout: 8_000 }).toBeGreaterThanOrEqual(3);

    expect(await bench.isAlive(reported.accessor)).toBe(true);
    await session[Symbol.asyncDispose]();
    expect(await bench.isAlive(reported.accessor)).toBe(false);
    expect(bench.failures).toEqual([]);
  });

  test('a token with limited uses is not renewed before its secrets are read, and keeps the last use', async () => {
    const bench = await start({ role: { token_ttl: '3s', token_num_uses: 4 } });
    const path = await bench.write('few', { a: 'x' }, 1);
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();
    const openedAt = performance.now();
    await expect.poll(() => performance.now() - openedAt, { timeout: 5_000 }).toBeGreaterThan(2_200);
    expect(bench.proxy.count(renewSelf)).toBe(0);

    await session.read([`A@${path}.a`], options);
    await expect.poll(() => bench.failures.length, { timeout: 12_000 }).toBe(1);

    expect(bench.proxy.count(renewSelf)).toBe(2);
    expect(bench.failures[0]).toMatchObject({ code: 'token_not_renewed', accessor: reported.accessor });
    await session[Symbol.asyncDispose]();
    expect(reported.revoked).toBe(true);
  });

  test('the longest TTL is reported, and ends the renewals', async () => {
    const bench = await start({ role: { token_ttl: '2s', token_max_ttl: '3s', token_num_uses: 0 } });
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();

    await expect.poll(() => bench.failures.length, { timeout: 8_000 }).toBe(1);
    await expect.poll(() => bench.isAlive(reported.accessor), { timeout: 8_000 }).toBe(false);
    await session[Symbol.asyncDispose]();

    expect(bench.failures).toEqual([expect.objectContaining({ code: 'token_not_renewed' })]);
    expect(reported.revoked).toBe(true);
  });
}

export function tiredRenewalRules(start: Start): void {
  test('renewals are retried while Vault is unavailable', async () => {
    const bench = await start({ role: { token_ttl: '3s', token_num_uses: 0 } });
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();
    bench.proxy.spoil(renewSelf, { kind: 'cut' }, 2);

    await expect.poll(() => bench.proxy.count(renewSelf), { timeout: 8_000 }).toBeGreaterThanOrEqual(4);

    expect(await bench.isAlive(reported.accessor)).toBe(true);
    await session[Symbol.asyncDispose]();
  });

  test('a lease is renewed, and not any more after the end', async () => {
    const bench = await start({ role: { token_num_uses: 0 } });
    const grant = { lease_id: 'db/creds/x/1', lease_duration: 1, renewable: true };
    bench.proxy.spoil(/^db\/creds\/x$/, {
      kind: 'answer',
      status: 200,
      body: { ...grant, data: { username: 'u', password: 'p' } },
    });
    bench.proxy.spoil(/^sys\/leases\/renew$/, {
      kind: 'answer',
      status: 200,
      body: { ...grant, lease_duration: 3 },
    });
    const { session } = open(bench, await bench.wrap());

    await session.read(['U@db/creds/x.username', 'P@db/creds/x.password'], options);
    const renewals = () => bench.proxy.asked.filter(({ path }) => path === 'sys/leases/renew');
    await expect.poll(() => renewals().length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    await session[Symbol.asyncDispose]();
    const after = renewals().length;

    expect(JSON.parse(renewals()[0]?.body ?? '')).toEqual({ lease_id: grant.lease_id });
    expect(bench.proxy.count(/^db\/creds\/x$/)).toBe(1);
    const endedAt = performance.now();
    await expect.poll(() => performance.now() - endedAt, { timeout: 5_000 }).toBeGreaterThan(2_500);
    expect(renewals().length).toBe(after);
  });
}

export function revocationRules(start: Start): void {
  test('a token that is gone already counts as revoked', async () => {
    const bench = await start();
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();
    await bench.admin.call('POST', 'auth/token/revoke-accessor', { body: { accessor: reported.accessor } });

    await session[Symbol.asyncDispose]();

    expect(reported.revoked).toBe(true);
    expect(bench.failures).toEqual([]);
  });

  test('a token whose uses the job has spent counts as revoked', async () => {
    const bench = await start({ role: { token_num_uses: 2 } });
    const { session, reported } = open(bench, await bench.wrap());
    const token = (await session.token()).reveal();
    for (let use = 0; use < 2; use += 1) await bench.admin.raw('GET', 'auth/token/lookup-self', { token });

    await session[Symbol.asyncDispose]();

    expect(reported.revoked).toBe(true);
    expect(await bench.isAlive(reported.accessor)).toBe(false);
  });

  test('a token that may not revoke itself is not considered gone', async () => {
    const bench = await start({ role: { token_no_default_policy: true } });
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();

    await session[Symbol.asyncDispose]();

    expect(reported.revoked).toBe(false);
    expect(bench.failures).toEqual([
      expect.objectContaining({ code: 'token_not_revoked', accessor: reported.accessor }),
    ]);
  });

  test('where it may not, the server does', async () => {
    const bench = await start({ role: { token_no_default_policy: true }, server: { rights: ['revoke'] } });
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();

    await session[Symbol.asyncDispose]();

    expect(reported.revoked).toBe(true);
    expect(await bench.isAlive(reported.accessor)).toBe(false);
    expect(bench.failures).toEqual([]);
  });

  test('a SecretID that could not be used is destroyed by the server', async () => {
    const bench = await start({ server: { rights: ['destroy'] } });
    const { session } = open(bench, await bench.wrap());
    bench.proxy.spoil(/\/login$/, sealed, 2);

    await expect(session.token()).rejects.toMatchObject({
      reason: 'infrastructure',
      code: 'vault_unavailable',
    });

    expect(bench.proxy.count(/secret-id-accessor\/destroy$/)).toBe(1);
    const left = await bench.admin.raw('LIST', `auth/${bench.names.appRole}/role/job/secret-id`);
    expect(left.status).toBe(404);
  });
}

export function takeOverRules(start: Start): void {
  const hooks = { onRevoked: async () => undefined };

  test('a token that was taken over is renewed, and revoked at the end', async () => {
    const bench = await start({ role: { token_ttl: '2s', token_num_uses: 0 } });
    const { session, reported } = open(bench, await bench.wrap());
    const identity = { token: await session.token(), accessor: reported.accessor };
    const before = bench.proxy.count(renewSelf);

    const login = bench.secrets.adopt(identity, hooks);
    await expect
      .poll(() => bench.proxy.count(renewSelf) - before, { timeout: 12_000 })
      .toBeGreaterThanOrEqual(6);
    await login[Symbol.asyncDispose]();

    expect(bench.proxy.count(/^auth\/token\/lookup-self$/)).toBe(1);
    expect(await bench.isAlive(reported.accessor)).toBe(false);
    await session[Symbol.asyncDispose]();
  });

  test('a token that is not known any more is revoked by its accessor, with the login of the server', async () => {
    const bench = await start({ server: { rights: ['revoke'] } });
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();

    const identity = { token: undefined, accessor: reported.accessor };
    await bench.secrets.adopt(identity, hooks)[Symbol.asyncDispose]();

    expect(await bench.isAlive(reported.accessor)).toBe(false);
    expect(bench.failures).toEqual([]);
    await session[Symbol.asyncDispose]();
  });

  test('a token that cannot be revoked is reported', async () => {
    const bench = await start({});
    const { session, reported } = open(bench, await bench.wrap());
    await session.token();

    const identity = { token: undefined, accessor: reported.accessor };
    await bench.secrets.adopt(identity, hooks)[Symbol.asyncDispose]();

    expect(bench.failures).toEqual([
      {
        code: 'token_not_revoked',
        accessor: reported.accessor,
        message: expect.stringContaining('not known'),
      },
    ]);
    await session[Symbol.asyncDispose]();
  });

  test('a Vault that is unavailable at first is asked again; the end does not wait for it', async () => {
    const bench = await start({});
    const { session, reported } = open(bench, await bench.wrap());
    const identity = { token: await session.token(), accessor: reported.accessor };
    bench.proxy.spoil(/^auth\/token\/lookup-self$/, sealed);

    const began = performance.now();
    await bench.secrets.adopt(identity, hooks)[Symbol.asyncDispose]();

    expect(performance.now() - began).toBeLessThan(4_000);
    expect(await bench.isAlive(reported.accessor)).toBe(true);
    await session[Symbol.asyncDispose]();
  });
}
