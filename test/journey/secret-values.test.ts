import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startStintOnRig } from './stint-on-rig.js';
import { VaultOperator } from './vault-operator.js';

const on = await startStintOnRig({ STINT_MASK_OUTPUT: 'false' });
afterAll(() => on[Symbol.asyncDispose]());

const operator = new VaultOperator(on.vault);

/** Texts arrive unchanged, everything else as its JSON. */
const values: Readonly<Record<string, { readonly stored: unknown; readonly arrives: string }>> = {
  text: { stored: 'plain', arrives: 'plain' },
  empty: { stored: '', arrives: '' },
  unicode: { stored: 'ä€😀\u2028x', arrives: 'ä€😀\u2028x' },
  lines: { stored: 'one\ntwo\n\n  three\n', arrives: 'one\ntwo\n\n  three\n' },
  zeros: { stored: '0042', arrives: '0042' },
  word: { stored: 'yes', arrives: 'yes' },
  colon: { stored: 'a: b # c', arrives: 'a: b # c' },
  quotes: { stored: `"'\\\t`, arrives: `"'\\\t` },
  whole: { stored: 42, arrives: '42' },
  fraction: { stored: 1.5, arrives: '1.5' },
  yes: { stored: true, arrives: 'true' },
  n: { stored: null, arrives: 'null' },
  list: { stored: [1, 'two', null], arrives: '[1,"two",null]' },
  map: { stored: { a: 'ü', b: [{ c: false }] }, arrives: '{"a":"ü","b":[{"c":false}]}' },
  data: { stored: { x: 1 }, arrives: '{"x":1}' },
  metadata: { stored: { v: 1 }, arrives: '{"v":1}' },
};
const stored = Object.fromEntries(Object.entries(values).map(([name, { stored: value }]) => [name, value]));
const expected = Object.fromEntries(Object.entries(values).map(([name, { arrives }]) => [name, arrives]));

async function read(path: string, type: 'yaml' | 'json'): Promise<string> {
  const file = type === 'json' ? '/secrets.json' : '/secrets.yml';
  const job = await on.run({
    secret_file_type: type,
    secret_refs: Object.keys(values).map((name) => `${name}@${path}.${name}`),
    run: ['cat', file],
  });
  expect(job.status).toBe('success');
  return job.output;
}

describe.each(['kv/data', 'kv1'] as const)('a value of any type in %s', (engine) => {
  test.each(['1.1', '1.2'] as const)('is the same after YAML %s was parsed', async (version) => {
    const path = await operator.writeSecret(engine, stored);

    const { TOKEN, ...rest } = parse(await read(path, 'yaml'), { version }) as Record<string, unknown>;

    expect(TOKEN).toMatch(/^\S{20,}$/);
    expect(rest).toEqual(expected);
  });

  test('is the same after JSON was parsed', async () => {
    const path = await operator.writeSecret(engine, stored);

    const { TOKEN, ...rest } = JSON.parse(await read(path, 'json')) as Record<string, unknown>;

    expect(TOKEN).toMatch(/^\S{20,}$/);
    expect(rest).toEqual(expected);
  });
});

test('the exact digits of a number arrive, also those that a floating point number would lose', async () => {
  const path = await operator.writeSecret('kv1', { s: 's' });
  const body = '{"long":123456789012345678901234567890,"fine":0.10000000000000000001}';
  await fetch(`${on.vault.address}/v1/${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': on.vault.rootToken },
    body,
  });

  const job = await on.run({
    secret_refs: [`long@${path}.long`, `fine@${path}.fine`],
    run: ['tail', '-n', '2', '/secrets.yml'],
  });

  expect(job.output).toBe('fine: "0.10000000000000000001"\nlong: "123456789012345678901234567890"\n');
});

test('a reference named TOKEN takes the place of the job token in the file', async () => {
  const path = await operator.writeSecret('kv1', { mine: 'my-own-token' });

  const job = await on.run({ secret_refs: [`TOKEN@${path}.mine`], run: ['cat', '/secrets.yml'] });

  expect(job.output).toBe('---\n# gostint vault secrets injected:\nTOKEN: my-own-token\n');
});
