import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { execute } from '../../../src/executor/execute.js';
import type { OpenedRequest } from '../../../src/executor/run.js';
import type { SpecFields } from '../../../src/job/job.js';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { Secret } from '../../../src/job/secret.js';
import { ExecutorBench } from '../../support/executor-bench.js';

const image = 'registry.example:5000/team/tool:1';
let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
});

afterEach(() => {
  bench[Symbol.dispose]();
});

/** The operator allows every name and id. */
const policy = { ...strictPolicy, images: { allowed: ['**', 'ids'], digestsOnly: false, own: [] } };

async function run(
  data: Record<string, unknown>,
  fields: SpecFields = {},
  more: Partial<OpenedRequest> = {},
) {
  bench.secrets.setSecret('kv/login', { data });
  const request = { fields: { image, registryRef: 'kv/login', ...fields }, ...more };
  return (await execute(bench.run(request), bench.parts({ policyFor: () => policy }))).outcome;
}

const account = { username: 'ada', password: 'CANARY' };

describe('a job with `registry_ref`', () => {
  test('reads its login with its own session before its image is looked for, and gives it to that one call', async () => {
    await run(account);

    expect(bench.backend.logins).toHaveLength(1);
    expect(bench.backend.logins[0]).toMatchObject({ registry: 'registry.example:5000', username: 'ada' });
    expect(bench.backend.logins[0]?.password?.reveal()).toBe('CANARY');
    const { steps } = bench;
    expect(steps.indexOf('unwrap')).toBeLessThan(steps.indexOf('prepare'));
    expect(
      inspect([bench.backend.requests, bench.backend.logins, [...bench.told]], { depth: 9 }),
    ).not.toContain('CANARY');
    expect(bench.told.get('secretsRead')).toBeDefined();
  });

  test('may have a token in place of name and password', async () => {
    await run({ identitytoken: 'CANARY' });

    expect(bench.backend.logins[0]?.identityToken?.reveal()).toBe('CANARY');
  });

  test.each([
    ['registry.example:5000', image],
    ['https://Registry.Example:5000/v2/', image],
    ['https://index.docker.io/v1/', 'team/tool:1'],
    ['docker.io', 'index.docker.io/team/tool:1'],
  ])('gives the login of a secret that names %s to the image %s', async (registry, named) => {
    await run({ ...account, registry }, { image: named });

    expect(bench.backend.logins[0]?.username).toBe('ada');
  });

  test.each([
    ['registry.example', image],
    ['registry.example:5000.evil.example', image],
    ['registry.example:5000', 'evil.example/registry.example/tool:1'],
    ['registry.example:5000', 'team/tool:1'],
    ['', image],
  ])('fails where the secret is for "%s" and the image is %s: nothing is asked', async (registry, named) => {
    const outcome = await run({ ...account, registry }, { image: named });

    expect(outcome).toMatchObject({ reason: 'secrets_refused', code: 'registry_mismatch' });
    expect(JSON.stringify(outcome)).not.toContain('CANARY');
    expect(bench.steps).not.toContain('prepare');
  });
});

describe('a job with `registry_ref` that cannot be used', () => {
  test('fails where the image is named by its id: nothing is read or asked', async () => {
    const outcome = await run(account, { image: `sha256:${'a'.repeat(64)}` });

    expect(outcome).toMatchObject({ reason: 'secrets_refused', code: 'registry_mismatch' });
    expect(bench.steps).not.toContain('unwrap');
  });

  test.each([{}, { username: 'ada' }, { password: 'CANARY' }])(
    'fails where the secret is no login: %j',
    async (data) => {
      const outcome = await run(data);

      expect(outcome).toMatchObject({ reason: 'secrets_refused', code: 'registry_login_incomplete' });
      expect(JSON.stringify(outcome)).not.toContain('CANARY');
      expect(bench.steps).not.toContain('prepare');
    },
  );

  test('fails without an identity at Vault', async () => {
    const outcome = await run(account, {}, { wrappedSecretId: undefined });

    expect(outcome).toMatchObject({ reason: 'secrets_refused', code: 'identity_missing' });
  });

  test('that shares the login of its parent reads it anew: it is not among what was kept', async () => {
    const first = bench.run({ fields: { image, registryRef: 'kv/login' }, sharesLogin: true });
    bench.secrets.setSecret('kv/login', { data: account });
    let kept: OpenedRequest['kept'];
    const keepLogin = async (secrets: OpenedRequest['kept']) => {
      kept = secrets;
    };
    await execute({ ...first, job: { ...first.job, keepLogin } }, bench.parts());
    expect(kept?.token).toBeInstanceOf(Secret);
    expect(kept?.values).toEqual([]);

    await run({ ...account, username: 'bea' }, {}, { wrappedSecretId: undefined, kept });

    expect(bench.backend.logins.map((login) => login?.username)).toEqual(['ada', 'bea']);
  });
});

test('a job without it opens its session as late as ever', async () => {
  await run(account, { registryRef: '' });

  const { steps } = bench;
  expect(bench.backend.logins).toEqual([undefined]);
  expect(steps.indexOf('prepare')).toBeLessThan(steps.indexOf('unwrap'));
});
