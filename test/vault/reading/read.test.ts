import { expect, test } from 'vitest';
import { VaultFailure } from '../../../src/vault/client/errors.js';
import { valuesOf } from '../../../src/vault/reading/read.js';
import { readFailed } from '../../../src/vault/reading/refusals.js';

test.each([
  ['version 1', { a: 1 }, { a: 1 }],
  ['version 2', { data: { a: 1 }, metadata: {} }, { a: 1 }],
  ['version 1 with a key `data`', { data: { a: 1 } }, { data: { a: 1 } }],
  ['version 1 with a text `metadata`', { data: { a: 1 }, metadata: 'x' }, { data: { a: 1 }, metadata: 'x' }],
  ['version 1 with a text `data`', { data: 'x', metadata: {} }, { data: 'x', metadata: {} }],
  ['a deleted version', { data: null, metadata: {} }, undefined],
  ['version 1 with `data` null', { data: null }, { data: null }],
  ['nothing', null, undefined],
  ['a list', [1], undefined],
  ['a text', 'x', undefined],
])('the values of %s', (_, data, values) => {
  expect(valuesOf(data)).toEqual(values);
});

const read = (path: string) => ({
  path,
  references: [
    { variable: 'A', path, key: 'a' },
    { variable: 'B', path, key: 'b' },
  ],
});

test.each([
  [
    'permission_denied',
    'secret/data/app',
    new VaultFailure('denied'),
    'path "secret/data/app" { capabilities = ["read"] }',
  ],
  [
    'permission_denied',
    'secret/app/x',
    new VaultFailure('denied'),
    'In version 2 of the KV engine it is `secret/data/app/x`.',
  ],
  ['token_ended', 'secret/data/app', new VaultFailure('denied', { hint: 'token_gone' }), '`token_ttl`'],
  [
    'path_missing',
    'secret/app',
    new VaultFailure('missing', { hint: 'kv2_path' }),
    'it is `secret/data/app`.',
  ],
  [
    'path_missing',
    'nowhere/app',
    new VaultFailure('missing', { hint: 'no_mount' }),
    'No secrets engine is mounted there.',
  ],
  ['path_missing', 'secret/data/app', new VaultFailure('missing'), 'Write the secret, or correct the path.'],
  [
    'version_deleted',
    'secret/data/app',
    new VaultFailure('missing', { hint: 'version_deleted' }),
    'Undelete it',
  ],
  ['vault_unavailable', 'secret/data/app', new VaultFailure('sealed'), 'Unseal it.'],
])('%s at %s names path, variables and remedy', (code, path, failure, remedy) => {
  const { message, ...facts } = readFailed(read(path), failure);

  expect(facts.code).toBe(code);
  expect(message).toContain(`\`${path}\` for the variables \`A\`, \`B\``);
  expect(message).toContain(remedy);
});
