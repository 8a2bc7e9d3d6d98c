import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BrokenError, JobFailedError, RefusedError } from '../../src/job/errors.js';
import { Secret } from '../../src/job/secret.js';
import {
  canary,
  expectNoCanary,
  expectNoSecret,
  failureOf,
  options,
  type SecretsBench,
  sessionOf,
} from './secrets-bench.js';
import {
  adoptionRules,
  endRules,
  missingRules,
  readingRules,
  sharingRules,
  toldRules,
} from './secrets-reading.js';

export type { Phase, SecretsBench } from './secrets-bench.js';

/** Runs the contract of `Secrets` on what `start` returns. */
export function secretsContract(name: string, start: () => Promise<SecretsBench>): void {
  describe(`secrets from ${name}`, () => {
    let bench: SecretsBench;

    beforeAll(async () => {
      bench = await start();
    });

    afterEach(() => bench.heal());

    afterAll(() => bench[Symbol.asyncDispose]());

    describe('payload', () => {
      payloadRules(() => bench);
    });
    describe('look-up', () => {
      lookUpRules(() => bench);
      goneWrapRules(() => bench);
      submitRules(() => bench);
    });
    describe('opening', () => {
      openingRules(() => bench);
      hookRules(() => bench);
      spendingFaultRules(() => bench);
      ciphertextRules(() => bench);
    });
    describe('reading', () => {
      readingRules(() => bench);
      toldRules(() => bench);
      missingRules(() => bench);
    });
    describe('end', () => {
      endRules(() => bench);
    });
    describe('taking over', () => {
      adoptionRules(() => bench);
    });
    describe('sharing', () => {
      sharingRules(() => bench);
    });
  });
}

function payloadRules(bench: () => SecretsBench): void {
  test('a payload is read once, with one request; then its token is spent', async () => {
    const source = await bench().cubbyhole('vault:v1:AAAA');
    const before = bench().count('payload');

    expect(await bench().secrets.readCubbyhole(source)).toBe('vault:v1:AAAA');
    expect(bench().count('payload') - before).toBe(1);
    const failure = await failureOf(bench().secrets.readCubbyhole(source));

    expect(failure).toBeInstanceOf(RefusedError);
    expect(failure).toMatchObject({
      code: 'cubbyhole_unreadable',
      message: expect.stringContaining('POSSIBLE SECURITY/INTERCEPTION ALERT'),
    });
  });

  test('a cubbyhole that holds nothing is refused', async () => {
    const { token } = await bench().cubbyhole('vault:v1:AAAA');

    const failure = await failureOf(bench().secrets.readCubbyhole({ token, path: 'cubbyhole/other' }));

    expect(failure).toMatchObject({ name: 'RefusedError', code: 'cubbyhole_unreadable' });
  });

  test.each([
    'secret/data/app',
    'cubbyhole',
    'cubbyhole/',
    'cubbyhole/../sys/seal',
    'cubbyhole/a?b',
    '/cubbyhole/job',
    'cubbyhole//job',
  ])('the path %s is refused without asking', async (path) => {
    const before = bench().count('payload');

    const failure = await failureOf(bench().secrets.readCubbyhole({ token: new Secret(canary), path }));

    expect(failure).toMatchObject({ name: 'RefusedError', code: 'invalid_request' });
    expect(bench().count('payload')).toBe(before);
    expectNoCanary(failure);
  });

  test('a sealed Vault is not a refusal, and spends nothing', async () => {
    const source = await bench().cubbyhole('vault:v1:AAAA');
    bench().fail('payload', 'sealed');

    const failure = await failureOf(bench().secrets.readCubbyhole(source));
    bench().heal();

    expect(failure).toBeInstanceOf(BrokenError);
    expect(failure).toMatchObject({ code: 'vault_unavailable', retryable: true });
    expect(await bench().secrets.readCubbyhole(source)).toBe('vault:v1:AAAA');
  });

  test('V4: a lost reply is not repeated, and not called retryable', async () => {
    const source = await bench().cubbyhole('vault:v1:AAAA');
    const before = bench().count('payload');
    bench().fail('payload', 'reply_lost');

    const failure = await failureOf(bench().secrets.readCubbyhole(source));

    expect(failure).toMatchObject({ name: 'BrokenError', code: 'vault_reply_lost', retryable: false });
    expect(bench().count('payload') - before).toBe(1);
    expectNoSecret(failure, source.token);
  });
}

function lookUpRules(bench: () => SecretsBench): void {
  test('it spends nothing and may be repeated', async () => {
    const { session, told } = sessionOf(bench(), await bench().wrap());

    await session.lookUp();
    await session.lookUp();

    expect(told).toEqual([]);
    await expect(session.token()).resolves.toBeInstanceOf(Secret);
    await session[Symbol.asyncDispose]();
  });

  test('a wrapping token that was valid and is gone before it expires was used: an alarm', async () => {
    const wrap = await bench().wrap();
    const { session, told } = sessionOf(bench(), wrap);
    await session.lookUp();
    await bench().steal(wrap);

    const failure = await failureOf(session.lookUp());

    expect(failure).toBeInstanceOf(JobFailedError);
    expect(failure).toMatchObject({ reason: 'auth_refused', code: 'wrap_used', alarm: true });
    expect((failure as Error).message).toContain('POSSIBLE SECURITY/INTERCEPTION ALERT');
    expect(told).toEqual([]);
    expectNoSecret(failure, wrap);
  });

  test.each(['sealed', 'reply_lost'] as const)(
    'with Vault %s the job can wait: nothing was spent',
    async (how) => {
      const { session, told } = sessionOf(bench(), await bench().wrap());
      bench().fail('lookUp', how);

      const failure = await failureOf(session.lookUp());
      bench().heal();

      expect(failure).toMatchObject({ name: 'BrokenError', code: 'vault_unavailable', retryable: true });
      expect(told).toEqual([]);
      await session.lookUp();
    },
  );
}

function goneWrapRules(bench: () => SecretsBench): void {
  test.each([
    [
      'never seen before',
      async () => {
        const wrap = await bench().wrap();
        await bench().steal(wrap);
        return wrap;
      },
    ],
    ['a random text', async () => new Secret('hvs.random')],
    ['no text for a header', async () => new Secret('a\r\nb')],
    ['empty', async () => new Secret('')],
  ])('a wrapping token that is %s is unknown', async (_, make) => {
    const wrap = await make();

    const failure = await failureOf(sessionOf(bench(), wrap).session.lookUp());

    expect(failure).toMatchObject({
      name: 'JobFailedError',
      reason: 'auth_refused',
      code: 'wrap_unknown',
      alarm: false,
    });
    expect((failure as Error).message).toContain('POSSIBLE SECURITY/INTERCEPTION ALERT');
    expectNoSecret(failure, wrap);
  });
}

function submitRules(bench: () => SecretsBench): void {
  test('a wrapping token that was valid at submit and is gone before it expires was used by somebody: an alarm', async () => {
    const wrap = await bench().wrap(300);
    const known = await bench().secrets.lookUpWrappingToken(wrap);
    await bench().steal(wrap);
    const { session } = sessionOf(bench(), wrap, {}, known);

    const failure = await failureOf(session.lookUp());

    expect(known.ttlMs).toBe(300_000);
    expect(known.expiresAt).toBeGreaterThan(Date.now() + 200_000);
    expect(failure).toMatchObject({ reason: 'auth_refused', code: 'wrap_used', alarm: true });
    expectNoSecret(failure, wrap);
  });

  test('a look-up at submit spends nothing and refuses as a session does', async () => {
    const wrap = await bench().wrap();
    await bench().secrets.lookUpWrappingToken(wrap);
    const spent = bench().count('unwrap');

    await expect(bench().secrets.lookUpWrappingToken(new Secret('hvs.random'))).rejects.toMatchObject({
      code: 'wrap_unknown',
    });
    await sessionOf(bench(), wrap).session.lookUp();
    expect(bench().count('unwrap')).toBe(spent);
  });

  test('a wrapping token that came too late is expired: no alarm', async () => {
    const { session } = sessionOf(bench(), await bench().wrap(1));
    await session.lookUp();

    await expect
      .poll(
        () =>
          session.lookUp().then(
            () => undefined,
            (error: unknown) => error,
          ),
        { timeout: 5_000 },
      )
      .toMatchObject({ reason: 'auth_refused', code: 'wrap_expired', alarm: false });
  });

  test.each(['job', 'JOB'])('a SecretID that the client chose is one of the role (%s)', async (role) => {
    const { session } = sessionOf(bench(), await bench().wrapChosen(role));

    await session.lookUp();
    await expect(session.token()).resolves.toBeInstanceOf(Secret);
    await session[Symbol.asyncDispose]();
  });

  test('a wrapping token of another origin is an alarm, names its origin and is not opened', async () => {
    const wrap = await bench().rewrap();
    const before = bench().count('unwrap');
    const { session, told } = sessionOf(bench(), wrap);

    const failure = await failureOf(session.lookUp());

    expect(failure).toMatchObject({ reason: 'auth_refused', code: 'wrap_not_ours', alarm: true });
    expect((failure as Error).message).toMatch(/`sys\/wrapping\/wrap`.*STINT_ACCEPT_REWRAPPED/);
    expect(await failureOf(session.token())).toMatchObject({ code: 'wrap_not_ours' });
    expect([bench().count('unwrap') - before, told]).toEqual([0, []]);
  });
}

function openingRules(bench: () => SecretsBench): void {
  test('all steps of a session are reported in their order', async () => {
    const path = await bench().write('dance', { password: canary }, 2);
    const ciphertext = await bench().encrypt('{"queue":"a"}');
    const before = bench().count('unwrap');
    const { session, told, accessor } = sessionOf(bench(), await bench().wrap());

    await session.lookUp();
    expect(await session.decrypt(ciphertext)).toBe('{"queue":"a"}');
    const values = await session.read([`PASSWORD@${path}.password`], options);
    const token = await session.token();

    expect(values.get('PASSWORD')?.reveal()).toBe(canary);
    expect(token.reveal()).not.toBe('');
    expect(await bench().isAlive(accessor())).toBe(true);
    await session[Symbol.asyncDispose]();
    expect(await bench().isAlive(accessor())).toBe(false);
    expect(told).toEqual([`spending after ${before} unwraps`, 'token', 'revoked']);
  });

  test('concurrent calls share one opening', async () => {
    const path = await bench().write('shared', { a: 'x' }, 1);
    const ciphertext = await bench().encrypt('{}');
    const before = [bench().count('unwrap'), bench().count('login')];
    const { session, told } = sessionOf(bench(), await bench().wrap());

    await Promise.all([
      session.decrypt(ciphertext),
      session.read([`A@${path}.a`], options),
      session.token(),
      session.token(),
    ]);
    await session[Symbol.asyncDispose]();

    expect([bench().count('unwrap') - (before[0] ?? 0), bench().count('login') - (before[1] ?? 0)]).toEqual([
      1, 1,
    ]);
    expect(told.filter((each) => each === 'token')).toHaveLength(1);
  });
}

function hookRules(bench: () => SecretsBench): void {
  test('a hook that forbids the unwrap leaves the wrapping token unused', async () => {
    const wrap = await bench().wrap();
    const stop = new Error('kill');
    const forbidden = sessionOf(bench(), wrap, { beforeSpending: () => Promise.reject(stop) });

    expect(await failureOf(forbidden.session.token())).toBe(stop);
    await forbidden.session[Symbol.asyncDispose]();
    const { session } = sessionOf(bench(), wrap);

    await expect(session.token()).resolves.toBeInstanceOf(Secret);
    await session[Symbol.asyncDispose]();
  });

  test('a hook that cannot record the accessor leaves no token behind', async () => {
    let accessor = '';
    const { session } = sessionOf(bench(), await bench().wrap(), {
      onToken: async (text) => {
        accessor = text;
        throw new Error('fenced');
      },
    });

    expect(await failureOf(session.token())).toMatchObject({ message: 'fenced' });
    await session[Symbol.asyncDispose]();

    expect(await bench().isAlive(accessor)).toBe(false);
  });

  test('a wrapping token that is stolen between look-up and unwrap is an alarm', async () => {
    const wrap = await bench().wrap();
    const { session } = sessionOf(bench(), wrap, { beforeSpending: () => bench().steal(wrap) });
    await session.lookUp();

    expect(await failureOf(session.token())).toMatchObject({
      reason: 'auth_refused',
      code: 'wrap_used',
      alarm: true,
    });
  });

  test('one wrapping token in two jobs: one opens it, for the other it is an alarm', async () => {
    const wrap = await bench().wrap();
    const sessions = [sessionOf(bench(), wrap), sessionOf(bench(), wrap)];
    await Promise.all(sessions.map(({ session }) => session.lookUp()));

    const results = await Promise.allSettled(sessions.map(({ session }) => session.token()));
    await Promise.all(sessions.map(({ session }) => session[Symbol.asyncDispose]()));

    const failed = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(failed).toEqual([expect.objectContaining({ code: usedOrUnclear, alarm: true })]);
  });
}

/** Vault refuses the slower of two as a used wrapping token, or, when both run inside it at once, with a plain 500. */
const usedOrUnclear = expect.stringMatching(/^(?:wrap_used|vault_reply_lost)$/) as unknown;

function spendingFaultRules(bench: () => SecretsBench): void {
  test('sealed at the unwrap: the job can wait, and its wrapping token is unused', async () => {
    const wrap = await bench().wrap();
    const first = sessionOf(bench(), wrap);
    await first.session.lookUp();
    bench().fail('unwrap', 'sealed');

    const failure = await failureOf(first.session.token());
    bench().heal();
    await first.session[Symbol.asyncDispose]();
    const { session } = sessionOf(bench(), wrap);

    expect(failure).toMatchObject({ name: 'BrokenError', code: 'vault_unavailable', retryable: true });
    await expect(session.token()).resolves.toBeInstanceOf(Secret);
    await session[Symbol.asyncDispose]();
  });

  test.each(['unwrap', 'login'] as const)(
    'V4: a lost reply of the %s is final, has its own code, and is never repeated',
    async (phase) => {
      const wrap = await bench().wrap();
      const before = bench().count(phase);
      const { session } = sessionOf(bench(), wrap);
      bench().fail(phase, 'reply_lost');

      const failure = await failureOf(session.token());

      expect(failure).toMatchObject({
        name: 'JobFailedError',
        reason: 'infrastructure',
        code: 'vault_reply_lost',
        alarm: true,
      });
      expect(await failureOf(session.token())).toBe(failure);
      expect(bench().count(phase) - before).toBe(1);
      expectNoSecret(failure, wrap);
      await session[Symbol.asyncDispose]();
    },
  );

  test.each(['login', 'decrypt', 'read'] as const)(
    'sealed at the %s for too long: too late to wait',
    async (phase) => {
      const path = await bench().write('late', { a: 'x' }, 1);
      const ciphertext = await bench().encrypt('{}');
      const { session } = sessionOf(bench(), await bench().wrap());
      bench().fail(phase, 'sealed');

      const failure = await failureOf(
        session.decrypt(ciphertext).then(() => session.read([`A@${path}.a`], options)),
      );
      bench().heal();
      await session[Symbol.asyncDispose]();

      expect(failure).toMatchObject({
        name: 'JobFailedError',
        reason: 'infrastructure',
        code: 'vault_unavailable',
      });
    },
  );
}

function ciphertextRules(bench: () => SecretsBench): void {
  test('a text that is not a ciphertext costs nothing', async () => {
    const { session, told } = sessionOf(bench(), await bench().wrap());

    const failure = await failureOf(session.decrypt(canary));

    expect(failure).toMatchObject({ reason: 'payload_refused', code: 'ciphertext_invalid' });
    expect(told).toEqual([]);
    expectNoCanary(failure);
  });

  test('a ciphertext of somebody else is refused', async () => {
    const { session } = sessionOf(bench(), await bench().wrap());

    const failure = await failureOf(session.decrypt(`vault:v1:${Buffer.alloc(60).toString('base64')}`));
    await session[Symbol.asyncDispose]();

    expect(failure).toMatchObject({ reason: 'payload_refused', code: 'decrypt_refused' });
  });
}
