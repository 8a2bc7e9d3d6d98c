import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from './fault-proxy.js';
import { type FindVault, type LiveBench, startLiveBench } from './live-bench.js';
import { open } from './live-open.js';

const options = { continueOnWarnings: false };

const answer = (status: number, body: unknown = { errors: ['CANARY'] }): Fault => ({
  kind: 'answer',
  status,
  body,
});

/** Faults after which Vault certainly did not carry out the request. */
const undone: Readonly<Record<string, Fault>> = {
  sealed: answer(503, { errors: ['Vault is sealed'] }),
  standby: answer(500, { errors: ['local node not active but active cluster node not found'] }),
  'over its rate': answer(429),
  'behind its index': answer(412),
  redirecting: { kind: 'answer', status: 307, headers: { location: 'http://127.0.0.1:9/v1/x' } },
};

/** Faults after which it is not known whether Vault carried out the request. */
const unsure: Readonly<Record<string, Fault>> = {
  broken: answer(500),
  'behind a proxy without it': answer(502, '<html>'),
  unavailable: answer(503),
  late: answer(504),
  cut: { kind: 'cut' },
  silent: { kind: 'hang' },
  dripping: { kind: 'drip' },
  flooding: { kind: 'flood', bytes: 2 ** 28 },
  'talking nonsense': answer(200, 'nonsense'),
};

const malformed: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  'a list': [],
  'a text': '"text"',
  'no data': {},
  'data of another kind': { data: 'CANARY', auth: 'CANARY' },
  'fields of other kinds': {
    data: { creation_path: 1, creation_time: 'soon', creation_ttl: 'x', secret_id: 7, plaintext: 7 },
    auth: { client_token: 7, accessor: {}, lease_duration: 'x' },
  },
};

/** Each fault in each phase. A time limit of half a second makes the silent ones bearable. */
export function liveFaultSuite(name: string, find: FindVault): void {
  describe(`faults of ${name}`, () => {
    let bench: LiveBench;

    beforeAll(async () => {
      bench = await startLiveBench(await find(), { secrets: { timeoutMs: 500, retryForMs: 0 } });
    });

    afterEach(() => bench.proxy.heal());

    afterAll(() => bench[Symbol.asyncDispose]());

    describe('at the look-up', () => {
      lookUpFaults(() => bench);
    });
    describe('at the unwrap', () => {
      unwrapFaults(() => bench);
    });
    describe('at the login', () => {
      loginFaults(() => bench);
    });
    describe('afterwards', () => {
      lateFaults(() => bench);
      strangeAnswerRules(() => bench);
    });
    describe('and warnings', () => {
      warningRules(() => bench);
    });
  });
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const began = performance.now();
  const failure = await work.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(`${inspect(failure, { depth: 9, showHidden: true })}${JSON.stringify(failure)}`).not.toContain(
    'CANARY',
  );
  return failure;
}

const mayWait = { name: 'BrokenError', code: 'vault_unavailable', retryable: true };
const isLost = { name: 'JobFailedError', reason: 'infrastructure', code: 'vault_reply_lost', alarm: true };
const isTooLate = { name: 'JobFailedError', reason: 'infrastructure', code: 'vault_unavailable' };

function lookUpFaults(bench: () => LiveBench): void {
  test.each(Object.entries({ ...undone, ...unsure, lost: answer(404) }))(
    'Vault is %s: the job waits',
    async (_, fault) => {
      const { session } = open(bench(), await bench().wrap());
      bench().proxy.spoil(/^sys\/wrapping\/lookup$/, fault);

      expect(await failureOf(session.lookUp())).toMatchObject(mayWait);
    },
  );

  test.each(Object.entries(malformed))('it answers %s: the job waits', async (_, body) => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/^sys\/wrapping\/lookup$/, answer(200, body));

    expect(await failureOf(session.lookUp())).toMatchObject(mayWait);
  });
}

function unwrapFaults(bench: () => LiveBench): void {
  test.each(Object.entries(undone))(
    'Vault is %s: the job waits, its wrapping token is unused',
    async (_, fault) => {
      const wrappingToken = await bench().wrap();
      const { session } = open(bench(), wrappingToken);
      bench().proxy.spoil(/^sys\/wrapping\/unwrap$/, fault, 1);

      expect(await failureOf(session.token())).toMatchObject(mayWait);
      await bench().steal(wrappingToken);
    },
  );

  test.each(Object.entries(unsure))(
    'Vault is %s: the wrapping token may be spent, so the job fails',
    async (_, fault) => {
      const { session } = open(bench(), await bench().wrap());
      bench().proxy.spoil(/^sys\/wrapping\/unwrap$/, fault);

      expect(await failureOf(session.token())).toMatchObject(isLost);
    },
  );

  test.each(Object.entries(malformed))('it answers %s: there is no SecretID in it', async (_, body) => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/^sys\/wrapping\/unwrap$/, answer(200, body));

    expect(await failureOf(session.token())).toMatchObject({
      reason: 'auth_refused',
      code: 'wrap_not_ours',
      alarm: true,
    });
  });
}

function loginFaults(bench: () => LiveBench): void {
  test.each(Object.entries(undone))(
    'Vault is %s for too long: over, and nothing is left behind',
    async (_, fault) => {
      const { session, reported } = open(bench(), await bench().wrap());
      bench().proxy.spoil(/\/login$/, fault);

      expect(await failureOf(session.token())).toMatchObject(isTooLate);
      expect(reported.accessor).toBe('');
    },
  );

  test.each(Object.entries(unsure))('Vault is %s: the SecretID may be spent', async (_, fault) => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/\/login$/, fault);

    expect(await failureOf(session.token())).toMatchObject(isLost);
  });

  test.each(Object.entries(malformed))('it answers %s: the SecretID may be spent', async (_, body) => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/\/login$/, answer(200, body));

    expect(await failureOf(session.token())).toMatchObject(isLost);
  });
}

function lateFaults(bench: () => LiveBench): void {
  test.each(Object.entries({ ...undone, ...unsure }))(
    'Vault is %s: too late to wait, and the token is revoked',
    async (kind, fault) => {
      const { session, reported } = open(bench(), await bench().wrap());
      const path = await bench().write('late', { a: 'x' }, 1);
      bench().proxy.spoil(/decrypt|^kv1/, fault);

      expect(await failureOf(session.decrypt('vault:v1:AAAA'))).toMatchObject(isTooLate);
      // A flood may be a very large secret.
      const readFailure = kind === 'flooding' ? { code: 'secrets_too_large' } : isTooLate;
      expect(await failureOf(session.read([`A@${path}.a`], options))).toMatchObject(readFailure);
      await session[Symbol.asyncDispose]();
      expect(reported.revoked).toBe(true);
    },
  );

  test.each(Object.entries({ ...undone, ...unsure }))(
    'Vault is %s when the payload is to be read: no refusal',
    async (_, fault) => {
      const source = await bench().cubbyhole('x');
      bench().proxy.spoil(/^cubbyhole/, fault);

      const retryable = Object.values(undone).includes(fault);
      const code = retryable ? 'vault_unavailable' : 'vault_reply_lost';
      expect(await failureOf(bench().secrets.readCubbyhole(source))).toMatchObject({
        ...mayWait,
        retryable,
        code,
      });
    },
  );
}

function strangeAnswerRules(bench: () => LiveBench): void {
  test.each([
    ...Object.values(malformed),
    { data: { payload: '' } },
    { data: { payload: null } },
    { data: { payload: [1] } },
  ])('a cubbyhole that holds %j is refused', async (body) => {
    const source = await bench().cubbyhole('x');
    bench().proxy.spoil(/^cubbyhole/, answer(200, body));

    expect(await failureOf(bench().secrets.readCubbyhole(source))).toMatchObject({
      name: 'RefusedError',
      code: 'cubbyhole_unreadable',
    });
  });

  test.each([
    ['nothing', undefined, 'path_missing'],
    ['a list', [], 'path_missing'],
    ['no data', {}, 'path_missing'],
    ['data null', { data: null }, 'path_missing'],
    ['data a list', { data: ['CANARY'] }, 'path_missing'],
    ['data empty', { data: {} }, 'key_missing'],
    [
      'a deleted version',
      { lease_duration: 0, data: { data: null, metadata: { version: 1 } } },
      'version_deleted',
    ],
    ['inner data a list', { data: { data: ['CANARY'], metadata: {} } }, 'key_missing'],
  ])('a secret that is %s is refused', async (_, body, code) => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/^kv1/, answer(200, body));

    expect(await failureOf(session.read(['A@kv1-x/y.a'], options))).toMatchObject({
      reason: 'secrets_refused',
      code,
    });
    await session[Symbol.asyncDispose]();
  });

  test('a plaintext that is no text is refused', async () => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(
      /decrypt/,
      answer(200, { data: { plaintext: Buffer.from([0xff, 0xfe, 0x00]).toString('base64') } }),
    );

    expect(await failureOf(session.decrypt('vault:v1:AAAA'))).toMatchObject({
      reason: 'payload_refused',
      code: 'payload_not_text',
    });
    await session[Symbol.asyncDispose]();
  });

  test('a path of KV 2 without its `data/` is distinguished from a missing one', async () => {
    const { session } = open(bench(), await bench().wrap());
    const path = (await bench().write('plain', { a: 'x' }, 2)).replace('/data/', '/');

    const failure = await failureOf(session.read([`A@${path}.a`], options));
    await session[Symbol.asyncDispose]();

    expect(failure).toMatchObject({
      code: 'path_missing',
      message: expect.stringContaining(`\`${path.replace('/', '/data/')}\``),
    });
  });
}

function warningRules(bench: () => LiveBench): void {
  const body = { data: { a: 'CANARY-value' }, warnings: ['old\nmount', 'the value is CANARY-value'] };

  test('a warning fails the job, and is shown without a secret', async () => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/^kv1/, answer(200, body));

    const failure = await failureOf(session.read(['A@kv1-x/y.a'], options));
    await session[Symbol.asyncDispose]();

    expect(failure).toMatchObject({
      reason: 'secrets_refused',
      code: 'vault_warning',
      message: expect.stringContaining('("old mount")'),
    });
  });

  test('a job that goes on with warnings gets its values', async () => {
    const { session } = open(bench(), await bench().wrap());
    bench().proxy.spoil(/^kv1/, answer(200, body));

    const values = await session.read(['A@kv1-x/y.a'], { continueOnWarnings: true });
    await session[Symbol.asyncDispose]();

    expect(values.get('A')?.reveal()).toBe('CANARY-value');
  });
}
