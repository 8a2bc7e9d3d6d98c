import { expect, test } from 'vitest';
import { open, type Start } from './live-open.js';

const renewSelf = /^auth\/token\/renew-self$/;

/** A login that outlives its session. */
export function keptLoginRules(start: Start): void {
  keptTokenRules(start);
  keptLeaseRules(start);
}

function keptTokenRules(start: Start): void {
  test('a login that was released is renewed by nobody but those who keep it, and lives as long as they do it', async () => {
    const bench = await start({ role: { token_ttl: '3s', token_num_uses: 0 } });
    const { session, reported } = open(bench, await bench.wrap());
    const token = await session.token();
    const { renewInMs = 0, leases } = session.terms();
    session.release();
    expect(renewInMs).toBeGreaterThan(1_000);
    expect(renewInMs).toBeLessThan(2_100);

    const from = performance.now();
    const login = { token, accessor: reported.accessor, leases };
    const keptFor = async () => {
      const { renewInMs: next } = await bench.secrets.renew(login);
      return next === undefined ? 0 : performance.now() - from;
    };
    await expect.poll(keptFor, { timeout: 20_000, interval: 400 }).toBeGreaterThan(6_000);
    await session[Symbol.asyncDispose]();

    expect(await bench.isAlive(reported.accessor)).toBe(true);
    const asked = bench.proxy.count(renewSelf);
    const later = performance.now();
    await expect.poll(() => performance.now() - later, { timeout: 9_000 }).toBeGreaterThan(4_000);
    expect(bench.proxy.count(renewSelf)).toBe(asked);
    expect(await bench.isAlive(reported.accessor)).toBe(false);
  });

  test('a token of few uses is not to be renewed: each renewal takes one', async () => {
    const bench = await start({ role: { token_ttl: '1h', token_num_uses: 9 } });
    const { session } = open(bench, await bench.wrap());
    await session.token();

    expect(session.terms()).toEqual({ leases: [], renewInMs: undefined });
    await session[Symbol.asyncDispose]();
  });
}

function keptLeaseRules(start: Start): void {
  test('leases are renewed with their token, and the shortest says when it is next', async () => {
    const bench = await start({ role: { token_ttl: '1h', token_num_uses: 0 } });
    const grant = { lease_id: 'db/creds/x/1', lease_duration: 60, renewable: true };
    const answer = { ...grant, data: { username: 'u' } };
    bench.proxy.spoil(/^db\/creds\/x$/, { kind: 'answer', status: 200, body: answer });
    bench.proxy.spoil(/^sys\/leases\/renew$/, { kind: 'answer', status: 200, body: grant });
    const { session, reported } = open(bench, await bench.wrap());
    await session.read(['U@db/creds/x.username'], { continueOnWarnings: false });
    const terms = session.terms();
    expect(terms.leases).toEqual([grant.lease_id]);
    session.release();

    const login = { token: await session.token(), accessor: reported.accessor, leases: terms.leases };
    const { renewInMs, leases } = await bench.secrets.renew(login);

    expect(renewInMs).toBeLessThan(60_000);
    expect(leases).toEqual([grant.lease_id]);
    expect(bench.proxy.count(/^sys\/leases\/renew$/)).toBe(1);
    await session[Symbol.asyncDispose]();
  });

  test('what Vault extends no further is reported, and asked for a few times only', async () => {
    const bench = await start({ role: { token_ttl: '3s', token_max_ttl: '4s', token_num_uses: 0 } });
    const { session, reported } = open(bench, await bench.wrap());
    const token = await session.token();
    session.release();
    await session[Symbol.asyncDispose]();
    const login = { token, accessor: reported.accessor, leases: [] };

    const renewAtLast = async () => (await bench.secrets.renew(login)).renewInMs;
    await expect.poll(renewAtLast, { timeout: 12_000, interval: 500 }).toBeUndefined();

    expect(bench.failures).toMatchObject([{ code: 'token_not_renewed', accessor: reported.accessor }]);
  });
}
