import { afterEach, describe, expect, test } from 'vitest';
import { connectVault, type VaultConnection } from '../../src/vault/client/client.js';
import { probeVault } from '../../src/vault/client/probe.js';
import { createIdentifyCaller } from '../../src/vault/server-login/caller.js';
import { type Fault, sealed } from './fault-proxy.js';
import { type FindVault, type LiveBench, type LiveBenchOptions, startLiveBench } from './live-bench.js';
import { serverSigningRules } from './live-signing.suite.js';

type Start = (more?: LiveBenchOptions) => Promise<{ bench: LiveBench; connection: VaultConnection }>;

/** Callers, the server's own login, and the health probe. */
export function liveIdentitySuite(name: string, find: FindVault): void {
  describe(`identities of ${name}`, () => {
    const cleanUps: (() => PromiseLike<void> | void)[] = [];

    const start: Start = async (more = {}) => {
      const bench = await startLiveBench(await find(), more);
      const connection = connectVault({ address: bench.proxy.address, skipVerify: false, timeoutMs: 1_000 });
      cleanUps.push(
        () => connection[Symbol.dispose](),
        () => bench[Symbol.asyncDispose](),
      );
      return { bench, connection };
    };

    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0)) await cleanUp();
    });

    describe('a caller', () => {
      callerRules(start);
      refusedCallerRules(start);
      callerKindRules(start);
      callerFaultRules(start);
      callerOutageRules(start);
      callerFloodRules(start);
    });
    describe('the server', () => {
      serverRules(start);
      serverSigningRules(start);
      serverLoginRules(start);
    });
    describe('the probe', () => {
      probeRules(start);
    });
  });
}

async function tokenOf(bench: LiveBench, body: object = {}): Promise<{ token: string; accessor: string }> {
  const { auth } = await bench.admin.call('POST', 'auth/token/create', {
    body: { policies: ['default'], ttl: '10m', ...body },
  });
  return { token: auth?.client_token ?? '', accessor: auth?.accessor ?? '' };
}

/** Logs in by a role that need not be wrapped, so there is an entity. */
async function loginOf(
  bench: LiveBench,
  role: string,
  body: object = {},
): Promise<{ token: string; entityId: string }> {
  const base = `auth/${bench.names.appRole}/role/${role}`;
  await bench.admin.call('POST', base, { body: { token_policies: [bench.names.policy], ...body } });
  const role_id = (await bench.admin.call('GET', `${base}/role-id`)).data?.role_id;
  const secret_id = (await bench.admin.call('POST', `${base}/secret-id`, { body: {} })).data?.secret_id;
  const { auth } = await bench.admin.call('POST', `auth/${bench.names.appRole}/login`, {
    body: { role_id, secret_id },
  });
  return { token: auth?.client_token ?? '', entityId: auth?.entity_id ?? '' };
}

const refused = { name: 'RefusedError', code: 'token_refused' };

function callerRules(start: Start): void {
  test('is who Vault says', async () => {
    const { bench, connection } = await start();
    const { token, entityId } = await loginOf(bench, 'person');

    const caller = await createIdentifyCaller(connection)(token);

    expect(entityId).not.toBe('');
    expect(caller).toMatchObject({
      entityId,
      accessor: expect.stringMatching(/./),
      policies: expect.arrayContaining(['default', bench.names.policy]),
    });
  });

  test('costs exactly one use for each call: three uses, three calls', async () => {
    const { bench, connection } = await start();
    const { token, accessor } = await tokenOf(bench, { num_uses: 3 });
    const identify = createIdentifyCaller(connection);

    for (let call = 0; call < 3; call += 1) expect(await identify(token)).toMatchObject({ accessor });

    await expect(identify(token)).rejects.toMatchObject({
      ...refused,
      message: 'token rejected by Vault (Code: 403)',
    });
    expect(bench.proxy.count(/./)).toBe(4);
  });

  test('is refused from the moment the token is revoked', async () => {
    const { bench, connection } = await start();
    const { token, accessor } = await tokenOf(bench);
    const identify = createIdentifyCaller(connection);
    await identify(token);

    await bench.admin.call('POST', 'auth/token/revoke-accessor', { body: { accessor } });

    await expect(identify(token)).rejects.toMatchObject(refused);
  });
}

function refusedCallerRules(start: Start): void {
  test.each([
    ['garbage', 'garbage'],
    ['one that looks right', 'hvs.garbage'],
    ['a batch token without an entity', 'hvb.AAAA'],
    ['one of another namespace', 'a.b.c'],
    ['the longest text', 'x'.repeat(4096)],
  ])('with %s is refused', async (_, token) => {
    const { connection } = await start();

    await expect(createIdentifyCaller(connection)(token)).rejects.toMatchObject(refused);
  });

  test.each([
    ['nothing', ''],
    ['a blank', 'a b'],
    ['a line break', 'a\nb'],
    ['a letter beyond ASCII', 'ä'],
    ['a text that is too long', 'x'.repeat(4097)],
  ])('with %s is refused without asking', async (_, token) => {
    const { bench, connection } = await start();

    await expect(createIdentifyCaller(connection)(token)).rejects.toMatchObject(refused);

    expect(bench.proxy.asked).toEqual([]);
  });
}

function callerFloodRules(start: Start): void {
  test('A2: a flood of 10,000 bad tokens reaches Vault a bounded number of times, and good ones are accepted meanwhile', async () => {
    const { bench, connection } = await start();
    const known = await tokenOf(bench);
    const new1 = await tokenOf(bench);
    const new2 = await tokenOf(bench);
    const identify = createIdentifyCaller(connection, { budget: { perAddress: 20, inAll: 100 } });
    await identify(known.token, false, '10.0.0.1');
    const before = bench.proxy.count(/lookup-self/);
    const codes = new Map<string, number>();
    const began = performance.now();

    for (let i = 0; i < 10_000; i += 50) {
      const ends = Array.from({ length: 50 }, (_, j) =>
        codeOf(identify(`hvs.bad${i + j}`, false, '10.0.0.1')),
      );
      for (const code of await Promise.all(ends)) codes.set(code, (codes.get(code) ?? 0) + 1);
    }

    const seconds = (performance.now() - began) / 1_000;
    expect(bench.proxy.count(/lookup-self/) - before).toBeLessThanOrEqual(20 + 2 * seconds + 1);
    expect([...codes.keys()].toSorted()).toEqual(['rate_limited', 'token_refused']);
    expect(await identify(known.token, false, '10.0.0.1')).toMatchObject({ accessor: known.accessor });
    expect(await identify(new1.token, false, '10.0.0.2')).toMatchObject({ accessor: new1.accessor });
    await codeOf(identify(new2.token, false, '10.0.0.1'));
    expect(await identify(new2.token, false, '10.0.0.1')).toMatchObject({ accessor: new2.accessor });
  });

  test('A2: a refused token is refused again without asking, and a revoked one is asked about once more', async () => {
    const { bench, connection } = await start();
    const { token, accessor } = await tokenOf(bench);
    const identify = createIdentifyCaller(connection, { budget: { perAddress: 20, inAll: 100 } });
    await identify(token);
    await bench.admin.call('POST', 'auth/token/revoke-accessor', { body: { accessor } });

    for (let i = 0; i < 100; i++) expect(await codeOf(identify(token))).toBe('token_refused');

    expect(bench.proxy.count(/lookup-self/)).toBe(2);
  });
}

async function codeOf(identified: Promise<unknown>): Promise<string> {
  return await identified.then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  );
}

function callerKindRules(start: Start): void {
  test('with a root token is good, without an entity', async () => {
    const { bench, connection } = await start();
    const { token } = await tokenOf(bench, { policies: ['root'], ttl: undefined });

    expect(await createIdentifyCaller(connection)(token)).toMatchObject({
      entityId: '',
      accessor: expect.stringMatching(/./),
      policies: ['root'],
    });
  });

  test('with a batch token is good only with an entity', async () => {
    const { bench, connection } = await start();
    const identify = createIdentifyCaller(connection);
    const named = await loginOf(bench, 'batch', { token_type: 'batch' });
    const nameless = await tokenOf(bench, { type: 'batch' });

    expect(await identify(named.token)).toMatchObject({ entityId: named.entityId, accessor: '' });
    await expect(identify(nameless.token)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('batch token'),
    });
  });
}

function callerFaultRules(start: Start): void {
  const faults: readonly Fault[] = [
    sealed,
    ...[307, 400, 404, 412, 429, 500, 502, 503].map(
      (status) => ({ kind: 'answer', status, body: { errors: [] } }) as const,
    ),
    { kind: 'answer', status: 200, body: { data: 'x' } },
    { kind: 'answer', status: 200, body: { data: { accessor: 7 } } },
    { kind: 'cut' },
    { kind: 'hang' },
  ];

  test.each(faults)('is never refused because of Vault: %j', async (fault) => {
    const { bench, connection } = await start();
    const { token } = await tokenOf(bench);
    bench.proxy.spoil(/lookup-self/, fault);

    await expect(createIdentifyCaller(connection)(token)).rejects.toMatchObject({
      name: 'BrokenError',
      code: 'vault_unavailable',
    });
    expect(bench.proxy.count(/./)).toBe(1);
  });

  test('is remembered only where that is asked for, and only for so long', async () => {
    const { bench, connection } = await start();
    const { token } = await tokenOf(bench);
    const identify = createIdentifyCaller(connection, { cacheMs: 400 });

    await identify(token);
    await identify(token);
    expect(bench.proxy.count(/./)).toBe(1);

    await expect
      .poll(async () => (await identify(token)) && bench.proxy.count(/./), { timeout: 3_000 })
      .toBe(2);
  });

  test('is never mixed up with another', async () => {
    const { bench } = await start();
    // Tolerates a busy machine.
    using connection = connectVault({ address: bench.proxy.address, skipVerify: false, timeoutMs: 20_000 });
    const tokens = await Promise.all(Array.from({ length: 50 }, () => tokenOf(bench)));
    const identify = createIdentifyCaller(connection, { cacheMs: 1_000 });

    const callers = await Promise.all([...tokens, ...tokens].map(({ token }) => identify(token)));

    expect(callers.map(({ accessor }) => accessor)).toEqual(
      [...tokens, ...tokens].map(({ accessor }) => accessor),
    );
  });
}

function callerOutageRules(start: Start): void {
  const unavailable = { name: 'BrokenError', code: 'vault_unavailable' };

  test('who was accepted a short time ago is still known while Vault cannot answer, where that is asked for', async () => {
    const { bench, connection } = await start();
    const { token, accessor } = await tokenOf(bench);
    const identify = createIdentifyCaller(connection);
    await identify(token);
    bench.proxy.spoil(/lookup-self/, sealed);

    expect(await identify(token, true)).toMatchObject({ accessor });

    await expect(identify(token)).rejects.toMatchObject(unavailable);
    await expect(identify((await tokenOf(bench)).token, true)).rejects.toMatchObject(unavailable);
  });

  test.each([
    ['was too long ago', {}, { outageMs: 1 }],
    ['was with a token of limited uses', { num_uses: 5 }, {}],
    ['was with a token that has expired since', { ttl: '1s', explicit_max_ttl: '1s' }, {}],
  ])('who %s is not', async (_, body, options) => {
    const { bench, connection } = await start();
    const { token } = await tokenOf(bench, body);
    const identify = createIdentifyCaller(connection, options);
    await identify(token);
    bench.proxy.spoil(/lookup-self/, sealed);

    const asked = () => identify(token, true).then(String, (error) => error.code);
    await expect.poll(asked, { timeout: 3_000 }).toBe('vault_unavailable');
  });

  test('who was refused meanwhile is not', async () => {
    const { bench, connection } = await start();
    const { token } = await tokenOf(bench);
    const identify = createIdentifyCaller(connection);
    await identify(token);
    await bench.admin.call('POST', 'auth/token/revoke', { body: { token } });
    await expect(identify(token, true)).rejects.toMatchObject(refused);
    bench.proxy.spoil(/lookup-self/, sealed);

    await expect(identify(token, true)).rejects.toMatchObject(refused); // For five seconds Vault need not say so again.
  });
}

function serverOf(bench: LiveBench) {
  const { server } = bench.secrets;
  if (server === undefined) throw new Error('Expected a bench with a server role.');
  return server;
}

function serverRules(start: Start): void {
  test('logs in when it is first needed, once for all', async () => {
    const { bench } = await start({ server: { rights: ['revoke'] } });
    expect(bench.proxy.asked).toEqual([]);
    const tokens = await Promise.all(Array.from({ length: 5 }, () => tokenOf(bench)));

    const answers = await Promise.all(
      tokens.map(({ accessor }) => serverOf(bench).revokeByAccessor(accessor)),
    );

    expect(answers).toEqual(Array(5).fill('revoked'));
    expect(await Promise.all(tokens.map(({ accessor }) => bench.isAlive(accessor)))).toEqual(
      Array(5).fill(false),
    );
    expect(bench.count('login')).toBe(1);
  });

  test('finds nothing to do where a token is gone', async () => {
    const { bench } = await start({ server: { rights: ['revoke'] } });
    const { accessor } = await tokenOf(bench);
    await bench.admin.call('POST', 'auth/token/revoke-accessor', { body: { accessor } });

    expect(['revoked', 'gone']).toContain(await serverOf(bench).revokeByAccessor(accessor));
    expect(await serverOf(bench).revokeByAccessor('')).toBe('unsure');
  });

  test('destroys a SecretID, and finds nothing to do the second time', async () => {
    const { bench } = await start({ server: { rights: ['destroy'] } });
    const { data } = await bench.admin.call('POST', `auth/${bench.names.appRole}/role/job/secret-id`, {
      body: {},
    });
    const accessor = String(data?.secret_id_accessor);

    expect(await serverOf(bench).destroySecretIdByAccessor(accessor)).toBe('revoked');
    expect(await serverOf(bench).destroySecretIdByAccessor(accessor)).toBe('gone');
  });

  test('with a right missing says so, with the policy line', async () => {
    const { bench } = await start({ server: { rights: [] } });
    const { accessor } = await tokenOf(bench);

    expect(await serverOf(bench).revokeByAccessor(accessor)).toBe('unsure');

    expect(serverOf(bench).describe()).toContain(
      'path "auth/token/revoke-accessor" { capabilities = ["update"] }',
    );
    expect(await bench.isAlive(accessor)).toBe(true);
  });

  test('knows its rights before they are needed, where checking costs no use', async () => {
    const { bench } = await start({ server: { rights: ['revoke'] } });

    const said = await serverOf(bench).check();

    expect(said).toContain('secret-id-accessor/destroy" { capabilities = ["update"] }');
    expect(said).not.toContain('revoke-accessor');
  });
}

function serverLoginRules(start: Start): void {
  test('of the original: two uses and a policy for something else. It starts, spends nothing, and says what it cannot do', async () => {
    const { bench } = await start({ server: { rights: [], role: { token_num_uses: 2 } } });
    const server = serverOf(bench);

    const said = await server.check();
    expect(said).toMatch(/2 uses for each login/);
    expect(bench.proxy.asked.map(({ path }) => path)).toEqual([`auth/${bench.names.appRole}/login`]);
    for (let turn = 0; turn < 5; turn += 1) await server.revokeByAccessor('some');

    expect(bench.proxy.count(/revoke-accessor/)).toBe(1);
    expect(server.describe()).toContain('It may not clean up after jobs');
  });

  test('with limited uses logs in again when they are spent', async () => {
    const { bench } = await start({ server: { rights: ['revoke'], role: { token_num_uses: 2 } } });
    const tokens = await Promise.all(Array.from({ length: 5 }, () => tokenOf(bench)));

    const answers: string[] = [];
    for (const { accessor } of tokens) answers.push(await serverOf(bench).revokeByAccessor(accessor));

    expect(answers).toEqual(Array(5).fill('revoked'));
    expect(bench.count('login')).toBe(3);
  });

  test('logs in again when its token has ended', async () => {
    const { bench } = await start({
      server: { rights: ['revoke'], role: { token_ttl: '1s', token_max_ttl: '1s' } },
    });
    const tokens = await Promise.all([tokenOf(bench), tokenOf(bench)]);
    await serverOf(bench).revokeByAccessor(tokens[0]?.accessor ?? '');
    const beganAt = performance.now();
    await expect.poll(() => performance.now() - beganAt, { timeout: 5_000 }).toBeGreaterThan(1_500);

    expect(await serverOf(bench).revokeByAccessor(tokens[1]?.accessor ?? '')).toBe('revoked');
    expect(bench.count('login')).toBe(2);
  });

  test('that cannot log in reports it, and everything else works', async () => {
    const { bench } = await start({ server: { rights: ['revoke'] } });
    bench.proxy.spoil(/\/login$/, sealed);

    expect(await serverOf(bench).revokeByAccessor('some')).toBe('unsure');

    expect(bench.failures).toEqual([expect.objectContaining({ code: 'server_login_failed' })]);
    expect(serverOf(bench).describe()).toContain('sealed');
  });

  test('revokes its own token at the end', async () => {
    const { bench } = await start({ server: { rights: ['revoke'] } });
    await serverOf(bench).revokeByAccessor((await tokenOf(bench)).accessor);

    await serverOf(bench)[Symbol.asyncDispose]();

    const { token } = bench.proxy.asked.find(({ path }) => path.endsWith('revoke-accessor')) ?? {};
    expect((await bench.admin.raw('GET', 'auth/token/lookup-self', { token: token ?? '' })).status).toBe(403);
  });
}

function probeRules(start: Start): void {
  test('a good Vault is ok, and no token is sent', async () => {
    const { bench, connection } = await start();

    expect(await probeVault(connection)).toBe('ok');
    expect(bench.proxy.asked).toEqual([expect.objectContaining({ path: 'sys/health', token: undefined })]);
  });

  test.each([
    ['sealed', 503, 'sealed'],
    ['a standby', 429, 'standby'],
    ['a recovering standby', 472, 'standby'],
    ['a performance standby', 473, 'standby'],
    ['not initialized', 501, 'uninitialized'],
    ['broken', 500, 'unwell'],
    ['redirecting', 307, 'unwell'],
  ] as const)('a Vault that is %s', async (_, status, health) => {
    const { bench, connection } = await start();
    bench.proxy.spoil(/health/, { kind: 'answer', status, body: { sealed: false } });

    expect(await probeVault(connection)).toBe(health);
  });

  test.each([
    ['hang', 'unreachable'],
    ['cut', 'unreachable'],
  ] as const)('a Vault that answers with %s is %s, in time', async (kind, health) => {
    const { bench, connection } = await start();
    bench.proxy.spoil(/health/, { kind });
    const began = performance.now();

    expect(await probeVault(connection)).toBe(health);
    expect(performance.now() - began).toBeLessThan(2_500);
  });

  test('a page that is no Vault is unwell', async () => {
    const { bench, connection } = await start();
    bench.proxy.spoil(/health/, { kind: 'answer', status: 200, body: '<html>' });

    expect(await probeVault(connection)).toBe('unwell');
  });
}
