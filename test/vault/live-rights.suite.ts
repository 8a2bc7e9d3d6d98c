import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { connectVault, type VaultConnection } from '../../src/vault/client/client.js';
import { createIdentifyCaller } from '../../src/vault/server-login/caller.js';
import { createAskCapabilities } from '../../src/vault/server-login/capabilities.js';
import { type Fault, sealed } from './fault-proxy.js';
import { type FindVault, type LiveBench, startLiveBench } from './live-bench.js';

type Start = () => Promise<{ bench: LiveBench; connection: VaultConnection }>;

/** What Vault says of the rights of a caller. */
export function liveRightsSuite(name: string, find: FindVault): void {
  describe(`rights by ${name}`, () => {
    const cleanUps: (() => PromiseLike<void> | void)[] = [];

    const start: Start = async () => {
      const bench = await startLiveBench(await find());
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

    pathRules(start);
    documentRules(start);
    tokenRules(start);
    faultRules(start);
  });
}

const root = 'stint-of-tests';
const pathOf = (queue: string) => `${root}/queues/${queue}/jobs`;

/** A token with this policy, beside `default`. */
async function tokenOf(bench: LiveBench, rules: string, body: object = {}): Promise<string> {
  const policy = `${bench.names.policy}-rights`;
  await bench.admin.call('POST', `sys/policies/acl/${policy}`, { body: { policy: rules } });
  const made = await bench.admin.call('POST', 'auth/token/create', {
    body: { policies: ['default', policy], ttl: '10m', ...body },
  });
  return made.auth?.client_token ?? '';
}

const rule = (path: string, ...capabilities: string[]) =>
  `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }\n`;

function pathRules(start: Start): void {
  test('are told of all paths in one request, of paths that no engine is mounted at', async () => {
    const { bench, connection } = await start();
    const rules = rule(pathOf('a%2Fb'), 'read', 'list') + rule(`${root}/queues/team-*`, 'update');
    const token = await tokenOf(bench, rules);
    const paths = ['a%2Fb', 'team-1', 'other'].map(pathOf);

    const granted = await createAskCapabilities(connection)(token, paths);

    expect(paths.map((path) => [...(granted.get(path) ?? [])].toSorted())).toEqual([
      ['list', 'read'],
      ['update'],
      ['deny'],
    ]);
    expect(bench.proxy.count(/./)).toBe(1);
  });

  test('a wildcard segment covers each queue and no more; a denial of one queue counts', async () => {
    const { bench, connection } = await start();
    const rules = rule(`${root}/queues/+/jobs`, 'read') + rule(pathOf('payroll'), 'deny');
    const token = await tokenOf(bench, rules);
    const paths = [pathOf('any'), pathOf('payroll'), `${root}/no-queue/jobs`, `${root}/operator/jobs`];

    const granted = await createAskCapabilities(connection)(token, paths);

    expect(paths.map((path) => [...(granted.get(path) ?? [])])).toEqual([
      ['read'],
      ['deny'],
      ['deny'],
      ['deny'],
    ]);
  });
}

function documentRules(start: Start): void {
  test('the policies of docs/rights.md grant what is said there', async () => {
    const { bench, connection } = await start();
    const text = await readFile('docs/rights.md', 'utf8');
    const [, rules = ''] = /```hcl\n(.*?)```/s.exec(text) ?? [];
    const token = await tokenOf(bench, rules);
    const expected = {
      'stint/queues/builds/jobs': ['delete', 'list', 'read', 'update'],
      'stint/queues/team-a-1/jobs': ['delete', 'list', 'read', 'update'],
      'stint/queues/team-b/jobs': ['create'],
      'stint/queues/payroll/jobs': ['deny'],
      'stint/queues': ['list'],
      'stint/no-queue/jobs': ['deny'],
      'stint/operator/jobs': ['deny'],
    };

    const granted = await createAskCapabilities(connection)(token, Object.keys(expected));

    const found = [...granted].map(([path, rights]) => [path, [...rights].toSorted()]);
    expect(Object.fromEntries(found)).toEqual(expected);
  });
}

function tokenRules(start: Start): void {
  test('V8: a root token has them all; one that may not ask has none', async () => {
    const { bench, connection } = await start();
    const ask = createAskCapabilities(connection);
    const mute = await tokenOf(bench, rule(pathOf('a'), 'read'), {
      policies: [`${bench.names.policy}-rights`],
      no_default_policy: true,
    });
    const made = await bench.admin.call('POST', 'auth/token/create', { body: { policies: ['root'] } });

    expect(await ask(mute, [pathOf('a')])).toEqual(new Map());
    expect((await ask(made.auth?.client_token ?? '', [pathOf('a')])).get(pathOf('a'))).toEqual(
      new Set(['root']),
    );
  });

  test('V8: a question costs one use, which had better not be the last: a refusal then is never taken for no rights', async () => {
    const { bench, connection } = await start();
    const token = await tokenOf(bench, rule(pathOf('a'), 'read'), { num_uses: 4 });
    const ask = createAskCapabilities(connection);
    const refusals: unknown[] = [];

    await createIdentifyCaller(connection)(token);
    const answers: unknown[] = [];
    while (refusals.length < 2 && answers.length < 4)
      await ask(token, [pathOf('a')]).then(
        (granted) => answers.push(granted.get(pathOf('a'))),
        (error: unknown) => refusals.push(error),
      );

    expect(refusals).toMatchObject([{ code: 'token_refused' }, { code: 'token_refused' }]);
    expect([2, 3]).toContain(answers.length); // Neither Vault 1.13 nor OpenBao 2.7 answers the last use.
    expect(answers).toEqual(answers.map(() => new Set(['read'])));
  });

  test('V8: a batch token has the rights of its policies', async () => {
    const { bench, connection } = await start();
    const token = await tokenOf(bench, rule(pathOf('a'), 'read'), { type: 'batch' });

    expect((await createAskCapabilities(connection)(token, [pathOf('a')])).get(pathOf('a'))).toEqual(
      new Set(['read']),
    );
  });

  test('V8: an answer is reused only where that is asked for, for the same token and the same paths', async () => {
    const { bench, connection } = await start();
    const token = await tokenOf(bench, rule(pathOf('a'), 'read'));
    const other = await tokenOf(bench, rule(pathOf('a'), 'read'));
    const ask = createAskCapabilities(connection, { cacheMs: 400 });

    await ask(token, [pathOf('a')]);
    await ask(token, [pathOf('a')]);
    expect(bench.proxy.count(/./)).toBe(1);
    await ask(token, [pathOf('b')]);
    await ask(other, [pathOf('a')]);
    expect(bench.proxy.count(/./)).toBe(3);

    await expect
      .poll(async () => (await ask(token, [pathOf('a')])) && bench.proxy.count(/./), { timeout: 3_000 })
      .toBe(4);
  });
}

function faultRules(start: Start): void {
  const faults: readonly Fault[] = [
    sealed,
    ...[307, 400, 404, 412, 429, 500, 502, 503].map(
      (status) => ({ kind: 'answer', status, body: { errors: [] } }) as const,
    ),
    { kind: 'answer', status: 200, body: { data: 'x' } },
    { kind: 'cut' },
    { kind: 'hang' },
  ];

  test.each(faults)('V5: are never denied because of Vault: %j', async (fault) => {
    const { bench, connection } = await start();
    const token = await tokenOf(bench, rule(pathOf('a'), 'read'));
    bench.proxy.spoil(/capabilities-self/, fault);

    await expect(createAskCapabilities(connection)(token, [pathOf('a')])).rejects.toMatchObject({
      name: 'BrokenError',
      code: 'vault_unavailable',
    });
    expect(bench.proxy.count(/./)).toBe(1);
  });
}
