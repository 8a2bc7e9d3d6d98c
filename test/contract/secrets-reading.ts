import { expect, test } from 'vitest';
import type { Secret } from '../../src/job/secret.js';
import {
  canary,
  expectNoCanary,
  expectNoSecret,
  failureOf,
  options,
  type SecretsBench,
  sessionOf,
} from './secrets-bench.js';

/** Reads in a new session. */
async function readWith(
  bench: SecretsBench,
  references: readonly string[],
  continueOnWarnings = false,
): Promise<Record<string, string>> {
  const { session } = sessionOf(bench, await bench.wrap());
  try {
    const values = await session.read(references, { continueOnWarnings });
    return Object.fromEntries([...values].map(([name, value]) => [name, value.reveal()]));
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

const kinds = {
  text: 'a: "b"\n',
  number: 1.5,
  yes: true,
  nothing: null,
  list: [1, 'a'],
  object: { a: { b: 1 } },
  empty: '',
};

/** What a read tells for the history. */
export function toldRules(bench: () => SecretsBench): void {
  test('A6: what was read is told, with version and keys, and never a value', async () => {
    const [first, other] = [
      await bench().write('told', { a: 'CANARY-1', b: 'CANARY-2', c: 'CANARY-3' }, 2),
      await bench().write('plain', { data: 'CANARY-4' }, 1),
    ];
    await bench().write('told', { a: 'CANARY-5', b: 'CANARY-6' }, 2);
    const told: unknown[] = [];
    const { session } = sessionOf(bench(), await bench().wrap());
    const references = [`A@${first}.a`, `B@${first}.b`, `C@${first}.a`, `D@${other}.data`];

    await session.read(references, { ...options, onRead: async (reads) => void told.push(...reads) });
    await session[Symbol.asyncDispose]();

    expect(told).toHaveLength(2);
    expect(told).toContainEqual({ path: first, keys: ['a', 'b'], version: 2, leaseHash: undefined });
    expect(told).toContainEqual({ path: other, keys: ['data'], version: undefined, leaseHash: undefined });
    expectNoCanary(told);
  });

  test('A6: of a read that fails as a whole what was given is told all the same', async () => {
    const path = await bench().write('given', { a: 'x' }, 2);
    const told: unknown[] = [];
    const { session } = sessionOf(bench(), await bench().wrap());
    const references = [`A@${path}.a`, `B@${await bench().forbidden()}.b`];
    const onRead = async (reads: readonly unknown[]) => void told.push(...reads);

    await failureOf(session.read(references, { ...options, onRead }));
    await failureOf(session.read([`A@${path}.missing`], { ...options, onRead }));
    await session[Symbol.asyncDispose]();

    expect(told).toEqual([
      { path, keys: ['a'], version: 1, leaseHash: undefined },
      { path, keys: ['missing'], version: 1, leaseHash: undefined },
    ]);
  });

  test('of a secret those keys are read that it has, and only they are told; one that is not there is named', async () => {
    const path = await bench().write('login', { username: 'CANARY-1', other: 'CANARY-2' }, 2);
    const told: unknown[] = [];
    const { session } = sessionOf(bench(), await bench().wrap());
    const onRead = async (reads: readonly unknown[]) => void told.push(...reads);

    const values = await session.readKeys(`/${path}`, ['username', 'password'], { ...options, onRead });
    const failure = await failureOf(session.readKeys(`${path}-none`, ['username'], options));
    await session[Symbol.asyncDispose]();

    expect([...values].map(([key, value]) => [key, value.reveal()])).toEqual([['username', 'CANARY-1']]);
    expect(told).toEqual([{ path, keys: ['username'], version: 1, leaseHash: undefined }]);
    expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'path_missing' });
    expect((failure as Error).message).toContain(`Could not read \`${path}-none\`: there is nothing.`);
    expectNoCanary([told, failure]);
  });
}

/** What a read returns. */
export function readingRules(bench: () => SecretsBench): void {
  test.each([1, 2] as const)('every kind of value has its text, in KV version %i', async (version) => {
    const path = await bench().write('kinds', kinds, version);

    expect(
      await readWith(
        bench(),
        Object.keys(kinds).map((key) => `V_${key}@${path}.${key}`),
      ),
    ).toEqual({
      V_text: 'a: "b"\n',
      V_number: '1.5',
      V_yes: 'true',
      V_nothing: 'null',
      V_list: '[1,"a"]',
      V_object: '{"a":{"b":1}}',
      V_empty: '',
    });
  });

  test('a version 1 secret with a key `data` is still version 1', async () => {
    const path = await bench().write('data', { data: { x: 'inner' }, other: 'outer' }, 1);

    expect(await readWith(bench(), [`A@${path}.other`, `B@${path}.data`])).toEqual({
      A: 'outer',
      B: '{"x":"inner"}',
    });
  });

  test.each([
    ['all that version 2 has', { data: { x: 'inner' }, metadata: { version: 1 } }, '{"x":"inner"}'],
    ['what a deleted version has', { data: null, metadata: { version: 1 } }, 'null'],
    ['these keys and more', { data: { x: 'inner' }, metadata: {}, ttl: '1h' }, '{"x":"inner"}'],
  ])("a version 1 secret whose keys look like version 2's is version 1 (%s)", async (_, data, text) => {
    const path = await bench().write('alike', data, 1);

    expect(await readWith(bench(), [`A@${path}.data`])).toEqual({ A: text });
    expect(await failureOf(readWith(bench(), [`X@${path}.x`]))).toMatchObject({ code: 'key_missing' });
  });

  test("a version 2 secret may have version 2's keys of its own", async () => {
    const path = await bench().write('alike', { data: { x: 'inner' }, metadata: { version: 1 } }, 2);

    expect(await readWith(bench(), [`A@${path}.data`])).toEqual({ A: '{"x":"inner"}' });
    expect(await failureOf(readWith(bench(), [`X@${path}.x`]))).toMatchObject({ code: 'key_missing' });
  });

  test('each path is read once, and a later entry for a variable wins', async () => {
    const one = await bench().write('one', { a: '1', b: '2' }, 1);
    const two = await bench().write('two', { a: '3' }, 2);
    const before = bench().count('read');

    const values = await readWith(bench(), [`A@${one}.a`, `B@${one}.b`, `C@${one}.a`, `A@${two}.a`]);

    expect(values).toEqual({ A: '3', B: '2', C: '1' });
    expect(bench().count('read') - before).toBe(2);
  });

  test('no references: no values', async () => {
    expect(await readWith(bench(), [])).toEqual({});
  });

  test('a wrong reference costs nothing', async () => {
    const { session, told } = sessionOf(bench(), await bench().wrap());

    const failure = await failureOf(session.read(['A@kv/one'], options));

    expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'reference_invalid' });
    expect(told).toEqual([]);
  });
}

/** What a read is refused for. */
export function missingRules(bench: () => SecretsBench): void {
  test('a missing key is named with its path and variable, and no value is', async () => {
    const path = await bench().write('keys', { a: canary }, 2);

    const failure = await failureOf(readWith(bench(), [`A@${path}.a`, `B@${path}.nope`]));

    expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'key_missing' });
    for (const word of ['`B`', '`nope`', `\`${path}\``]) expect((failure as Error).message).toContain(word);
    expectNoCanary(failure);
  });

  test('names of properties that every object has are not keys', async () => {
    const path = await bench().write('proto', { a: 'x' }, 1);

    expect(await failureOf(readWith(bench(), [`A@${path}.toString`, `B@${path}.__proto__`]))).toMatchObject({
      code: 'key_missing',
    });
  });

  test.each([1, 2] as const)('a missing path is named, in KV version %i', async (version) => {
    const path = (await bench().write('there', { a: 'x' }, version)).replace('there', 'not-there');

    const failure = await failureOf(readWith(bench(), [`A@${path}.a`]));

    expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'path_missing' });
    expect((failure as Error).message).toMatch(new RegExp(`\`${path}\` for the variable \`A\``));
  });

  test('a deleted version is called so, with its number and its time', async () => {
    await bench().write('deleted', { a: 'x' }, 2);
    const path = await bench().write('deleted', { a: 'y' }, 2);
    await bench().deleteVersion(path);

    const failure = await failureOf(readWith(bench(), [`A@${path}.a`]));

    expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'version_deleted' });
    expect((failure as Error).message).toMatch(/version 2\b.* was deleted at \d{4}-\d\d-\d\dT.*Undelete/);
  });

  test.each([true, false])(
    'a destroyed version is told from a deleted one (deleted before: %s)',
    async (isDeleted) => {
      const path = await bench().write(`destroyed-${isDeleted}`, { a: 'x' }, 2);
      if (isDeleted) await bench().deleteVersion(path);
      await bench().destroyVersion(path, 1);

      const failure = await failureOf(readWith(bench(), [`A@${path}.a`]));

      expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'version_destroyed' });
      expect((failure as Error).message).toMatch(/version 1, written at \d{4}-\d\d-\d\dT.* is destroyed/);
      expect((failure as Error).message).not.toContain('Undelete');
      expect((failure as Error).message.includes('was deleted at')).toBe(isDeleted);
    },
  );

  test('a missing permission is named with the policy that would grant it', async () => {
    const path = await bench().forbidden();

    const failure = await failureOf(readWith(bench(), [`A@${path}.a`]));

    expect(failure).toMatchObject({ reason: 'secrets_refused', code: 'permission_denied' });
    expect((failure as Error).message).toContain(`path "${path}" { capabilities = ["read"] }`);
  });

  test('when several references fail, all are named', async () => {
    const path = await bench().write('several', { a: 'x' }, 1);

    const failure = await failureOf(readWith(bench(), [`A@${path}.nope`, `B@${path}-gone.b`, `C@${path}.a`]));

    expect((failure as Error).message).toMatch(/`A`[\s\S]*`B`/);
    expect((failure as Error).message).not.toContain('`C`');
  });
}

/** What happens to the token at the end. */
export function endRules(bench: () => SecretsBench): void {
  test('disposing what was never opened asks for nothing', async () => {
    const { session, told } = sessionOf(bench(), await bench().wrap());
    const before = bench().count('revoke');

    await session[Symbol.asyncDispose]();

    expect([told, bench().count('revoke') - before]).toEqual([[], 0]);
  });

  test('disposing may be repeated, and revokes once', async () => {
    const { session, told } = sessionOf(bench(), await bench().wrap());
    await session.token();
    const before = bench().count('revoke');

    await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
    await session[Symbol.asyncDispose]();

    expect(told.slice(1)).toEqual(['token', 'revoked']);
    expect(bench().count('revoke') - before).toBe(1);
  });

  test('a disposed session opens no more', async () => {
    const { session, told } = sessionOf(bench(), await bench().wrap());
    await session[Symbol.asyncDispose]();

    await expect(session.token()).rejects.toThrow('disposed');
    expect(told).toEqual([]);
  });

  test('it never throws, and does not report a token as revoked that it could not revoke', async () => {
    const { session, told, accessor } = sessionOf(bench(), await bench().wrap());
    await session.token();
    bench().fail('revoke', 'sealed');
    const began = performance.now();

    await session[Symbol.asyncDispose]();
    bench().heal();

    expect(told.slice(1)).toEqual(['token']);
    expect(await bench().isAlive(accessor())).toBe(true);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('a recorder that fails at the end does no harm', async () => {
    const { session } = sessionOf(bench(), await bench().wrap(), {
      onRevoked: () => Promise.reject(new Error('gone')),
    });
    await session.token();

    await expect(session[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  test('the reply of the revocation is lost: the token is gone all the same, and a check finds that', async () => {
    const { session, told, accessor } = sessionOf(bench(), await bench().wrap());
    await session.token();
    bench().fail('revoke', 'reply_lost');

    await session[Symbol.asyncDispose]();
    bench().heal();

    expect(await bench().isAlive(accessor())).toBe(false);
    expect(told).toContain('revoked');
  });
}

/** Opened by a previous process of the node, which detached from its job. */
async function leftToken(bench: SecretsBench): Promise<{ token: Secret; accessor: string }> {
  const { session, accessor } = sessionOf(bench, await bench.wrap());
  return { token: await session.token(), accessor: accessor() };
}

function noteRevoked(): { told: string[]; hooks: { onRevoked: () => Promise<void> } } {
  const told: string[] = [];
  return { told, hooks: { onRevoked: async () => void told.push('revoked') } };
}

export function adoptionRules(bench: () => SecretsBench): void {
  test('a token that was taken over is revoked at the end, once', async () => {
    const identity = await leftToken(bench());
    const { told, hooks } = noteRevoked();
    const before = bench().count('revoke');

    const login = bench().secrets.adopt(identity, hooks);
    await Promise.all([login[Symbol.asyncDispose](), login[Symbol.asyncDispose]()]);

    expect(told).toEqual(['revoked']);
    expect(bench().count('revoke') - before).toBe(1);
    expect(await bench().isAlive(identity.accessor)).toBe(false);
  });

  test('without an accessor there is nothing to revoke, and it counts as revoked', async () => {
    const { token, accessor } = await leftToken(bench());
    const { told, hooks } = noteRevoked();

    await bench().secrets.adopt({ token, accessor: null }, hooks)[Symbol.asyncDispose]();

    expect(told).toEqual([]);
    expect(await bench().isAlive(accessor)).toBe(true);
  });

  test('what a job calls its token is left alone when it is another one', async () => {
    const [own, other] = [await leftToken(bench()), await leftToken(bench())];
    const { hooks } = noteRevoked();
    const identity = { token: other.token, accessor: own.accessor };

    await bench().secrets.adopt(identity, hooks)[Symbol.asyncDispose]();

    expect(await bench().isAlive(other.accessor)).toBe(true);
  });

  test('the end never throws, and does not report a token as revoked that it could not revoke', async () => {
    const identity = await leftToken(bench());
    const { told, hooks } = noteRevoked();
    bench().fail('revoke', 'sealed');

    await bench().secrets.adopt(identity, hooks)[Symbol.asyncDispose]();
    bench().heal();

    expect(told).toEqual([]);
    expect(await bench().isAlive(identity.accessor)).toBe(true);
  });
}

/** A login that its session has released, as the first job of a parent does. */
async function keptLogin(bench: SecretsBench): Promise<{ token: Secret; accessor: string }> {
  const { session, accessor } = sessionOf(bench, await bench.wrap());
  const token = await session.token();
  session.release();
  await session[Symbol.asyncDispose]();
  return { token, accessor: accessor() };
}

export function sharingRules(bench: () => SecretsBench): void {
  test('a session that was released leaves its token valid', async () => {
    const { accessor } = await keptLogin(bench());

    expect(await bench().isAlive(accessor)).toBe(true);
  });

  test('another session reads with the token without a login, and leaves it valid too', async () => {
    const { token, accessor } = await keptLogin(bench());
    const path = await bench().write('shared', { a: 'one' }, 2);
    const logins = bench().count('login');

    const joined = bench().secrets.join(token, 'own');
    const values = await joined.read([`A@${path}.a`], { continueOnWarnings: false });

    expect(values.get('A')?.reveal()).toBe('one');
    expect((await joined.token()).reveal()).toBe(token.reveal());
    await joined[Symbol.asyncDispose]();
    expect(bench().count('login')).toBe(logins);
    expect(await bench().isAlive(accessor)).toBe(true);
  });

  test('a shared login that was revoked is told as what it is', async () => {
    const { token, accessor } = await keptLogin(bench());
    const path = await bench().write('shared', { a: 'one' }, 2);
    const { hooks } = noteRevoked();
    await bench().secrets.adopt({ token, accessor }, hooks)[Symbol.asyncDispose]();

    const joined = bench().secrets.join(token, 'own');
    const failure = await failureOf(joined.read([`A@${path}.a`], { continueOnWarnings: false }));
    await joined[Symbol.asyncDispose]();

    expect(failure).toMatchObject({ name: 'JobFailedError', code: 'shared_login_over' });
    expectNoSecret(failure, token);
  });

  test('a kept login is renewed once each time it is asked for, and when it is over nothing more is due', async () => {
    const login = { ...(await keptLogin(bench())), leases: [] };

    const { renewInMs } = await bench().secrets.renew(login);
    expect(renewInMs).toBeGreaterThan(0);

    await bench().secrets.adopt(login, noteRevoked().hooks)[Symbol.asyncDispose]();
    expect(await bench().secrets.renew(login)).toEqual({ leases: [], renewInMs: undefined });
  });

  test('while Vault is unavailable a kept login is neither renewed nor over', async () => {
    const login = { ...(await keptLogin(bench())), leases: [] };
    bench().fail('renew', 'sealed');

    const failure = await failureOf(bench().secrets.renew(login));

    expect(failure).toMatchObject({ name: 'BrokenError', retryable: true });
    expectNoSecret(failure, login.token);
  });
}
