import { expect, test } from 'vitest';
import { AuditReader } from '../../../../bench/chaos/history/vault-audit.js';

const time = '2025-10-18T14:00:00.123456789Z';
const at = Date.parse('2025-10-18T14:00:00.123Z');
const by = (accessor: string, token = `hvs.${accessor}`) => ({
  client_token: token,
  client_token_accessor: accessor,
});
const entry = (path: string, more: object = {}, request: object = {}) => ({
  time,
  type: 'response',
  request: { path, operation: 'update', ...request },
  ...more,
});

type Line = Parameters<AuditReader['read']>[0];

/** The operation of the last of these lines. */
function read(...lines: readonly Line[]) {
  const reader = new AuditReader('root');
  return lines.map((line) => reader.read(line)).at(-1);
}

test.each([
  [
    'wrap',
    entry('auth/approle/role/stint-job/secret-id', {
      response: { wrap_info: { token: 'w', accessor: 'wa', wrapped_accessor: 'sa' } },
    }),
    { subject: 'w', gives: ['wa', 'sa'] },
  ],
  ['look up', entry('sys/wrapping/lookup', {}, { data: { token: 'w' } }), { subject: 'w', gives: [] }],
  [
    'unwrap',
    entry(
      'sys/wrapping/unwrap',
      { response: { data: { secret_id: 's', secret_id_accessor: 'sa' } } },
      by('wa'),
    ),
    { subject: 'wa', gives: ['s', 'sa'] },
  ],
  [
    'log in',
    entry('auth/approle/login', { response: { auth: { accessor: 't' } } }, { data: { secret_id: 's' } }),
    { subject: 's', gives: ['t'] },
  ],
  ['revoke self', entry('auth/token/revoke-self', {}, by('t')), { subject: 't', gives: [] }],
  [
    'revoke',
    entry('auth/token/revoke-accessor', {}, { ...by('server'), data: { accessor: 't' } }),
    { subject: 't', gives: [] },
  ],
  [
    'destroy',
    entry('auth/approle/role/r/secret-id-accessor/destroy', {}, { data: { secret_id_accessor: 'sa' } }),
    { subject: 'sa', gives: [] },
  ],
  [
    'read payload',
    entry('cubbyhole/job', {}, { ...by('c'), operation: 'read' }),
    { subject: 'c', gives: [] },
  ],
  ['use', entry('cubbyhole/job', {}, { ...by('c'), operation: 'create' }), { subject: 'c', gives: [] }],
  ['use', entry('transit/decrypt/stint-job', {}, by('t')), { subject: 't', gives: [] }],
  ['check', entry('auth/token/lookup-self', {}, by('t')), { subject: 't', gives: [] }],
])('tells a request of the kind %s', (kind, line, parts) => {
  expect(read(line)).toEqual({ kind, at, isDone: true, ...parts });
});

test.each([
  ['an error', { error: 'permission denied' }],
  ['a refusal inside the answer', { response: { data: { error: 'permission denied' } } }],
])('a request that came to %s is not done', (_, more) => {
  expect(read(entry('transit/decrypt/stint-job', more, by('t')))).toMatchObject({ isDone: false });
});

/** As Vault 1.13 writes it: there is no line of an answer, and the token has no accessor any more. */
const refusedUnwrap = {
  ...entry('sys/wrapping/unwrap', { error: 'wrapping token is not valid' }, { client_token: 'hvs.wa' }),
  type: 'request',
};

test('an unwrap that is tried again is recognized by the token that was opened before', () => {
  expect(read(entry('sys/wrapping/unwrap', {}, by('wa')), refusedUnwrap)).toMatchObject({
    kind: 'unwrap',
    isDone: false,
    subject: 'wa',
  });
});

test('a wrapping token that Vault never knew has an empty subject', () => {
  expect(read(refusedUnwrap)).toMatchObject({ kind: 'unwrap', isDone: false, subject: '' });
});

test.each([
  ['the line before the answer', { ...entry('sys/wrapping/unwrap', {}, by('wa')), type: 'request' }],
  ['what the checker asks itself', entry('auth/token/lookup-accessor', {}, by('root accessor', 'root'))],
  ['a request without a token', entry('sys/health')],
  ['what is asked with a token that Vault never knew', entry('kv/data/x', {}, { client_token: 'hvs.x' })],
])('%s is no operation', (_, line) => {
  expect(read(line)).toBeUndefined();
});
