import { afterEach, describe, expect, test } from 'vitest';
import type { SessionHooks } from '../../src/executor/secrets.js';
import { Secret } from '../../src/job/secret.js';
import type { Fault } from './fault-proxy.js';
import { type FindVault, type LiveBench, type LiveBenchOptions, startLiveBench } from './live-bench.js';
import { forgeries } from './live-forgeries.js';
import { keptLoginRules } from './live-kept.suite.js';
import { renewalRules, revocationRules, takeOverRules, tiredRenewalRules } from './live-life.suite.js';
import { open, type Start } from './live-open.js';

const options = { continueOnWarnings: false };

/** Rules that are not in the contract suite because only a Vault can show them. */
export function liveSessionSuite(name: string, find: FindVault): void {
  describe(`a session with ${name}`, () => {
    const benches: LiveBench[] = [];

    /** A bench of its own for a test. */
    async function start(more: LiveBenchOptions = {}): Promise<LiveBench> {
      const bench = await startLiveBench(await find(), more);
      benches.push(bench);
      return bench;
    }

    afterEach(async () => {
      for (const bench of benches.splice(0)) await bench[Symbol.asyncDispose]();
    });

    describe('and forged wrapping tokens', () => {
      forgeryRules(start);
      strangeFactRules(start);
      knownWrapRules(start);
    });
    describe('and its login', () => {
      loginRules(start);
    });
    describe('and few uses', () => {
      useRules(start);
      repeatRules(start);
    });
    describe('and the version of a mount', () => {
      mountRules(start);
      untoldMountRules(start);
    });
    describe('and time', () => {
      renewalRules(start);
      takeOverRules(start);
      tiredRenewalRules(start);
    });
    describe('and a kept login', () => {
      keptLoginRules(start);
    });
    describe('and its end', () => {
      revocationRules(start);
    });
  });
}

function forgeryRules(start: Start): void {
  test.each(Object.keys(forgeries))('V2: %s is not opened: an alarm', async (name) => {
    const bench = await start();
    const wrappingToken = await forgeries[name]?.(bench);
    const { session } = open(bench, wrappingToken ?? new Secret(''));

    await expect(session.lookUp()).rejects.toMatchObject({
      reason: 'auth_refused',
      code: 'wrap_not_ours',
      alarm: true,
    });
    await expect(session.token()).rejects.toMatchObject({ code: 'wrap_not_ours' });

    expect(bench.proxy.asked.map(({ path }) => path)).toEqual(['sys/wrapping/lookup', 'sys/wrapping/lookup']);
    expect(bench.proxy.asked.map(({ token }) => token)).toEqual([undefined, undefined]);
  });

  test.each(['service', 'batch'])(
    'a token that is no wrapping token (%s) is unknown, and not used',
    async (type) => {
      const bench = await start();
      const { auth } = await bench.admin.call('POST', 'auth/token/create', {
        body: { policies: ['default'], type, ttl: '5m' },
      });

      await expect(open(bench, new Secret(auth?.client_token ?? '')).session.token()).rejects.toMatchObject({
        code: 'wrap_unknown',
      });

      expect(bench.count('unwrap')).toBe(0);
    },
  );
}

const hour = 3_600_000;

/** A look-up that Vault would not answer: with our path, and with other times than those of the wrapping token. */
function toldAt(bench: LiveBench, madeAt: number, ttlSeconds: number): Fault {
  const creation_path = `auth/${bench.names.appRole}/role/job/secret-id`;
  const data = { creation_path, creation_time: new Date(madeAt).toISOString(), creation_ttl: ttlSeconds };
  return { kind: 'answer', status: 200, body: { data } };
}

function strangeFactRules(start: Start): void {
  test.each([
    ['was made in an hour', () => Date.now() + hour, 300],
    ['lives for no time', () => Date.now(), 0],
  ])('V2: a wrapping token that %s is not opened: an alarm', async (_, madeAt, ttlSeconds) => {
    const bench = await start();
    const { session } = open(bench, await bench.wrap());
    bench.proxy.spoil(/^sys\/wrapping\/lookup$/, toldAt(bench, madeAt(), ttlSeconds));

    await expect(session.token()).rejects.toMatchObject({ code: 'wrap_not_ours', alarm: true });
    expect(bench.count('unwrap')).toBe(0);
  });

  test('V2: a wrapping token whose times are others than at the submit is not opened: an alarm', async () => {
    const bench = await start();
    const wrappingToken = await bench.wrap();
    await bench.secrets.lookUpWrappingToken(wrappingToken);
    bench.proxy.spoil(/^sys\/wrapping\/lookup$/, toldAt(bench, Date.now() - 60_000, 7_200));

    await expect(open(bench, wrappingToken).session.token()).rejects.toMatchObject({
      code: 'wrap_not_ours',
      alarm: true,
    });
    expect(bench.count('unwrap')).toBe(0);
  });

  test('V2: a wrapping token that Vault still shows an hour after its end is expired, and not opened', async () => {
    const bench = await start();
    bench.proxy.spoil(/^sys\/wrapping\/lookup$/, toldAt(bench, Date.now() - 2 * hour, 3_600));

    await expect(open(bench, await bench.wrap()).session.token()).rejects.toMatchObject({
      code: 'wrap_expired',
      alarm: false,
    });
    expect(bench.count('unwrap')).toBe(0);
  });
}

function knownWrapRules(start: Start): void {
  test('a SecretID that was wrapped again is accepted where the setting allows it, and nothing else is', async () => {
    const bench = await start({ secrets: { acceptRewrapped: true } });
    const { session, reported } = open(bench, await bench.rewrap());

    await expect(session.token()).resolves.toBeInstanceOf(Secret);
    await session[Symbol.asyncDispose]();

    expect(reported.revoked).toBe(true);
    await expect(
      open(bench, (await forgeries['a token']?.(bench)) ?? new Secret('')).session.lookUp(),
    ).rejects.toMatchObject({ code: 'wrap_not_ours' });
  });

  test('a second wrapping without a SecretID in it is an alarm', async () => {
    const bench = await start({ secrets: { acceptRewrapped: true } });
    const wrappingToken = await bench.admin.wrapped('POST', 'sys/wrapping/wrap', {
      body: { something: 'else' },
    });

    await expect(open(bench, wrappingToken).session.token()).rejects.toMatchObject({
      reason: 'auth_refused',
      code: 'wrap_not_ours',
      alarm: true,
    });
  });

  test('the look-up at submit distinguishes a used wrapping token from an unknown one', async () => {
    const [bench, other] = [await start(), await start()];
    const wrappingToken = await bench.wrap();
    const known = await bench.secrets.lookUpWrappingToken(wrappingToken);
    await bench.steal(wrappingToken);
    const hooks: SessionHooks = {
      beforeSpending: async () => undefined,
      onToken: async () => undefined,
      onRevoked: async () => undefined,
    };

    await expect(other.secrets.session(wrappingToken, hooks).lookUp()).rejects.toMatchObject({
      code: 'wrap_unknown',
    });
    await expect(other.secrets.session(wrappingToken, hooks, known).lookUp()).rejects.toMatchObject({
      code: 'wrap_used',
      alarm: true,
    });
  });

  test('a wrapping token that ends between look-up and unwrap is expired', async () => {
    const bench = await start();
    const wrappingToken = await bench.wrap(2);
    const isGone = async () => {
      const answer = await bench.admin.raw('POST', 'sys/wrapping/lookup', {
        body: { token: wrappingToken.reveal() },
      });
      return !answer.ok;
    };
    const { session } = open(bench, wrappingToken, {
      beforeSpending: () => expect.poll(isGone, { timeout: 5_000 }).toBe(true),
    });

    await expect(session.token()).rejects.toMatchObject({
      reason: 'auth_refused',
      code: 'wrap_expired',
      alarm: false,
    });
  });
}

function loginRules(start: Start): void {
  test('the unwrap names its token in the header only, and has no body', async () => {
    const bench = await start();
    const wrappingToken = await bench.wrap();
    const { session } = open(bench, wrappingToken);

    await session.token();
    await session[Symbol.asyncDispose]();

    expect(bench.proxy.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST sys/wrapping/lookup',
      'POST sys/wrapping/unwrap',
      `POST auth/${bench.names.appRole}/login`,
      'POST auth/token/revoke-self',
    ]);
    expect(bench.proxy.asked[1]).toMatchObject({ token: wrappingToken.reveal(), body: '' });
    expect(bench.proxy.asked[2]?.token).toBeUndefined();
  });

  test('a SecretID that was destroyed is refused at the login', async () => {
    const bench = await start();
    const { wrap_info } = await bench.admin.call('POST', `auth/${bench.names.appRole}/role/job/secret-id`, {
      body: {},
      wrapTtl: 60,
    });
    await bench.admin.call('POST', `auth/${bench.names.appRole}/role/job/secret-id-accessor/destroy`, {
      body: { secret_id_accessor: wrap_info?.wrapped_accessor },
    });

    await expect(open(bench, new Secret(wrap_info?.token ?? '')).session.token()).rejects.toMatchObject({
      reason: 'auth_refused',
      code: 'login_refused',
    });
  });

  test('a RoleID of another role is refused at the login', async () => {
    const bench = await start({ secrets: { roleId: new Secret('0000') } });

    await expect(open(bench, await bench.wrap()).session.token()).rejects.toMatchObject({
      code: 'login_refused',
    });
  });

  test('a role that gives batch tokens is refused: they could not be revoked', async () => {
    const bench = await start({ role: { token_type: 'batch', token_num_uses: 0 } });

    await expect(open(bench, await bench.wrap()).session.token()).rejects.toMatchObject({
      reason: 'auth_refused',
      code: 'batch_token',
    });
  });
}

/** Writes `count` secrets and returns a reference to each. */
async function referencesTo(bench: LiveBench, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  const paths = await Promise.all(names.map((name) => bench.write(name, { a: name }, 1)));
  return paths.map((path, index) => `V${index}@${path}.a`);
}

function useRules(start: Start): void {
  test('exactly enough uses are enough, and the last one revokes', async () => {
    const bench = await start({ role: { token_num_uses: 5 } });
    const references = await referencesTo(bench, 3);
    const { session, reported } = open(bench, await bench.wrap());

    await session.decrypt(await bench.encrypt('{}'));
    const values = await session.read(references, options);
    expect(await bench.isAlive(reported.accessor)).toBe(true);
    await session[Symbol.asyncDispose]();

    expect(values.size).toBe(3);
    expect(reported.revoked).toBe(true);
    expect(await bench.isAlive(reported.accessor)).toBe(false);
  });

  test('one use too few is said before anything is read, with the number that is needed', async () => {
    const bench = await start({ role: { token_num_uses: 5 } });
    const references = await referencesTo(bench, 4);
    const { session } = open(bench, await bench.wrap());
    await session.decrypt(await bench.encrypt('{}'));

    await expect(session.read(references, options)).rejects.toMatchObject({
      reason: 'secrets_refused',
      code: 'too_few_uses',
      message: expect.stringMatching(/needs 6 uses .*gives 5.*`token_num_uses` to 6/),
    });
    await session[Symbol.asyncDispose]();

    expect(bench.count('read')).toBe(0);
  });
}

const asksForMount = /^sys\/internal\/ui\/mounts\//;

const alike = { data: { x: 'inner' }, metadata: { version: 1 } };

function mountRules(start: Start): void {
  test('it is asked once a mount, for all jobs, and takes no use of a token', async () => {
    const bench = await start({ role: { token_num_uses: 4 } });
    const paths = await Promise.all(['a', 'b'].map((name) => bench.write(name, { x: name }, 2)));
    const old = await bench.write('alike', alike, 1);
    const references = [...paths.map((path, index) => `V${index}@${path}.x`), `D@${old}.data`];

    for (const _ of ['first', 'second']) {
      const { session, reported } = open(bench, await bench.wrap());
      const values = await session.read(references, options);
      await session[Symbol.asyncDispose]();
      expect([...values.values()].map((value) => value.reveal())).toEqual(['a', 'b', '{"x":"inner"}']);
      expect(reported.revoked).toBe(true);
    }

    expect(bench.proxy.count(asksForMount)).toBe(2);
  });

  test('it is not asked where the answer cannot be one of version 2', async () => {
    const bench = await start();
    const path = await bench.write('plain', { data: 'x', metadata: {} }, 1);
    const { session } = open(bench, await bench.wrap());

    expect((await session.read([`A@${path}.data`], options)).get('A')?.reveal()).toBe('x');
    await session[Symbol.asyncDispose]();

    expect(bench.proxy.count(asksForMount)).toBe(0);
  });
}

function untoldMountRules(start: Start): void {
  test.each([403, 404])('where Vault does not tell it (%i), the time of the answer does', async (status) => {
    const bench = await start();
    const old = await bench.write('alike', alike, 1);
    const brief = await bench.write('brief', { ...alike, ttl: '0s' }, 1);
    const path = await bench.write('alike', alike, 2);
    bench.proxy.spoil(asksForMount, { kind: 'answer', status, body: { errors: [] } });
    const { session } = open(bench, await bench.wrap());

    const values = await session.read([`A@${old}.data`, `B@${path}.data`, `C@${brief}.data`], options);
    await session[Symbol.asyncDispose]();

    expect([...values.values()].map((value) => value.reveal())).toEqual(Array(3).fill('{"x":"inner"}'));
    await expect(readAnew(bench, [`X@${old}.x`]).then((found) => found.size)).rejects.toMatchObject({
      code: 'key_missing',
    });
  });

  test('a Vault that goes away in between fails the job for what it is', async () => {
    const bench = await start();
    const path = await bench.write('a', { x: 'y' }, 2);
    bench.proxy.spoil(asksForMount, { kind: 'answer', status: 503, body: { errors: ['Vault is sealed'] } });

    await expect(readAnew(bench, [`A@${path}.x`])).rejects.toMatchObject({
      reason: 'infrastructure',
      code: 'vault_unavailable',
    });
  });

  test('a mount whose path has several parts is known by all of them', async () => {
    const bench = await start();
    const mount = `${bench.names.kv1}-deep/team/kv`;
    const policy = `path "${mount}/data/*" { capabilities = ["read"] }`;
    await bench.admin.call('POST', `sys/mounts/${mount}`, {
      body: { type: 'kv', options: { version: '2' } },
    });
    await bench.admin.call('POST', `sys/policies/acl/${bench.names.policy}`, { body: { policy } });
    const writing = () => bench.admin.raw('POST', `${mount}/data/a`, { body: { data: alike } });
    await expect.poll(async () => (await writing()).ok).toBe(true);

    const values = await readAnew(bench, [`A@${mount}/data/a.data`]);

    expect(values.get('A')?.reveal()).toBe('{"x":"inner"}');
  });
}

async function readAnew(bench: LiveBench, references: readonly string[]) {
  const { session } = open(bench, await bench.wrap());
  try {
    return await session.read(references, options);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

function repeatRules(start: Start): void {
  test('a request that Vault did not take costs no use, and is repeated', async () => {
    const bench = await start({ role: { token_num_uses: 3 } });
    const references = await referencesTo(bench, 1);
    const { session } = open(bench, await bench.wrap());
    bench.proxy.spoil(
      /decrypt/,
      { kind: 'answer', status: 429, body: { errors: ['rate limit quota exceeded'] } },
      1,
    );

    expect(await session.decrypt(await bench.encrypt('{}'))).toBe('{}');
    await session.read(references, options);
    await session[Symbol.asyncDispose]();

    expect([bench.count('decrypt'), bench.count('read'), bench.count('revoke')]).toEqual([2, 1, 1]);
  });

  test('a lost reply of a read is repeated where there is a use to spare', async () => {
    const bench = await start({ role: { token_num_uses: 3 } });
    const references = await referencesTo(bench, 1);
    const { session } = open(bench, await bench.wrap());
    bench.fail('read', 'reply_lost');

    expect((await session.read(references, options)).get('V0')?.reveal()).toBe('p0');
    await session[Symbol.asyncDispose]();

    expect(bench.count('read')).toBe(2);
  });

  test('a lost reply of a read is not repeated with the use that is kept', async () => {
    const bench = await start({ role: { token_num_uses: 2 } });
    const references = await referencesTo(bench, 1);
    const { session, reported } = open(bench, await bench.wrap());
    bench.fail('read', 'reply_lost');

    await expect(session.read(references, options)).rejects.toMatchObject({
      reason: 'infrastructure',
      code: 'vault_unavailable',
    });
    await session[Symbol.asyncDispose]();

    expect(bench.count('read')).toBe(1);
    expect(reported.revoked).toBe(true);
  });
}
