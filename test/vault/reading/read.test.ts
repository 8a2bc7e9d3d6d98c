import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { VaultFailure } from '../../../src/vault/client/errors.js';
import { looksVersioned } from '../../../src/vault/client/kv2-answer.js';
import { type Reader, readSecrets } from '../../../src/vault/reading/read.js';
import { readFailed } from '../../../src/vault/reading/refusals.js';

test.each([
  ['version 1', { a: 1 }, false],
  ['both objects', { data: { a: 1 }, metadata: {} }, true],
  ['a deleted version', { data: null, metadata: {} }, true],
  ['`data` alone', { data: { a: 1 } }, false],
  ['a text `metadata`', { data: { a: 1 }, metadata: 'x' }, false],
  ['a text `data`', { data: 'x', metadata: {} }, false],
  ['`data` null alone', { data: null }, false],
  ['nothing', null, false],
  ['a list', [1], false],
  ['a text', 'x', false],
])('only what may be an answer of version 2 makes us ask for the mount: %s', (_, data, looks) => {
  expect(looksVersioned(data)).toBe(looks);
});

const read = (path: string) => ({
  path,
  references: [
    { variable: 'A', path, key: 'a' },
    { variable: 'B', path, key: 'b' },
  ],
});

const old = { path: 'secret/', isVersioned: false };
const versioned = { path: 'secret/', isVersioned: true };
const deep = { path: 'team/kv/', isVersioned: true };
const gone = { version: 3, writtenAt: 'W', deletedAt: undefined, isDestroyed: false };
const missing = new VaultFailure('missing');
const denied = new VaultFailure('denied');

test.each([
  [
    'permission_denied',
    'secret/data/app',
    denied,
    undefined,
    'path "secret/data/app" { capabilities = ["read"] }',
  ],
  [
    'permission_denied',
    'secret/app/x',
    denied,
    undefined,
    'In version 2 of the KV engine it is `secret/data/app/x`.',
  ],
  ['permission_denied', 'team/kv/app', denied, deep, 'which is mounted there, it is `team/kv/data/app`.'],
  [
    'token_ended',
    'secret/data/app',
    new VaultFailure('denied', { hint: 'token_gone' }),
    undefined,
    '`token_ttl`',
  ],
  ['path_missing', 'secret/app', missing, versioned, 'which is mounted there, it is `secret/data/app`.'],
  ['path_missing', 'team/kv/app', missing, deep, 'which is mounted there, it is `team/kv/data/app`.'],
  ['path_missing', 'nowhere/app', missing, undefined, 'Vault shows no secrets engine there.'],
  [
    'path_missing',
    'secret/data/app',
    missing,
    versioned,
    'there is nothing. Write the secret, or correct the path.',
  ],
  ['path_missing', 'secret/app', missing, old, 'there is nothing. Write the secret, or correct the path.'],
  ['version_deleted', 'secret/data/app', new VaultFailure('missing', { gone }), undefined, 'Undelete it'],
  [
    'version_deleted',
    'secret/data/app',
    new VaultFailure('missing', { gone: { ...gone, deletedAt: 'D' } }),
    versioned,
    'secret, version 3, written at W, was deleted at D.',
  ],
  [
    'version_destroyed',
    'secret/data/app',
    new VaultFailure('missing', { gone: { ...gone, deletedAt: 'D', isDestroyed: true } }),
    versioned,
    'is destroyed, after it was deleted at D. It cannot come back',
  ],
  ['vault_unavailable', 'secret/data/app', new VaultFailure('sealed'), undefined, 'Unseal it.'],
])('%s at %s names path, variables and remedy', (...[code, path, failure, mount, remedy]) => {
  const { message, ...facts } = readFailed(read(path), failure, mount);

  expect(facts.code).toBe(code);
  expect(message).toContain(`\`${path}\` for the variables \`A\`, \`B\``);
  expect(message).toContain(remedy);
});

/** A token whose every path is missing; how many were asked for at once. */
function createReader() {
  let asked = 0;
  let inWork = 0;
  let most = 0;
  const token = {
    uses: { spare: Number.POSITIVE_INFINITY },
    allowRenewals: () => undefined,
    ask: async () => {
      asked += 1;
      inWork += 1;
      most = Math.max(most, inWork);
      await nextTurn();
      inWork -= 1;
      throw new VaultFailure('missing');
    },
  };
  const reader = { token, mounts: { of: async () => undefined }, limitBytes: 1_000 } as unknown as Reader;
  return { reader, most: () => most, asked: () => asked };
}

describe('C9: very many references', () => {
  test('are asked for some at a time, and the message names some of those that failed', async () => {
    const { reader, most, asked } = createReader();
    const reads = Array.from({ length: 500 }, (_, i) => read(`kv/data/x${i}`));

    const failure: Error = await readSecrets(reader, reads, { continueOnWarnings: false }).then(
      () => new Error('It was read.'),
      (error: Error) => error,
    );

    expect(asked()).toBe(500);
    expect(most()).toBe(16);
    expect(failure.message.split('\n')).toHaveLength(21);
    expect(failure.message).toMatch(/\nThere are 480 more such failures\.$/);
    expect(failure.message.length).toBeLessThan(10_000);
  });
});

/** A token that may read everything; each answer has two values of so many bytes. */
function createGenerousReader(valueBytes: number, limitBytes: number) {
  let asked = 0;
  const data = { a: 'x'.repeat(valueBytes), b: 'y'.repeat(valueBytes) };
  const token = {
    uses: { spare: Number.POSITIVE_INFINITY },
    allowRenewals: () => undefined,
    ask: async () => {
      asked += 1;
      return { reply: { data }, leaseId: '' };
    },
  };
  return { reader: { token, limitBytes } as unknown as Reader, asked: () => asked };
}

const tooLong = new VaultFailure('malformed', { code: 'too_large' });

describe('C9: the values of all secrets of a job together', () => {
  const reads = Array.from({ length: 100 }, (_, i) => read(`kv/data/x${i}`));

  test('may be as long as the limit', async () => {
    const { reader } = createGenerousReader(5, 1_000);

    expect((await readSecrets(reader, reads, { continueOnWarnings: false })).size).toBe(2);
  });

  test('are refused once, with the limit, when they are longer, and the rest is not asked for', async () => {
    const { reader, asked } = createGenerousReader(5, 999);

    const reading = readSecrets(reader, [...reads, ...reads], { continueOnWarnings: false });

    await expect(reading).rejects.toMatchObject({
      reason: 'secrets_refused',
      code: 'secrets_too_large',
      message: expect.stringMatching(/^Expected .* at most 999 bytes together, .*STINT_SECRETS_LIMIT\.$/),
    });
    expect(asked()).toBeLessThanOrEqual(100 + 16);
  });

  test('are refused where a single answer of Vault is too long already', async () => {
    const { reader } = createGenerousReader(5, 1_000);
    const token = { ...reader.token, ask: () => Promise.reject(tooLong) };
    const strict = { ...reader, token } as unknown as Reader;

    await expect(readSecrets(strict, reads.slice(0, 1), { continueOnWarnings: false })).rejects.toMatchObject(
      { code: 'secrets_too_large', message: expect.stringContaining('`kv/data/x0`') },
    );
  });
});
