import { expect, test } from 'vitest';
import { toDeed } from '../../../bench/chaos/vault-audit.js';

const time = '2025-10-18T14:00:00.123456789Z';
const at = Date.parse('2025-10-18T14:00:00.123Z');
const entry = (path: string, more: object = {}, request: object = {}) => ({
  time,
  type: 'response',
  request: { path, operation: 'update', ...request },
  ...more,
});

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
    entry('sys/wrapping/unwrap', {
      auth: { accessor: 'wa' },
      response: { data: { secret_id: 's', secret_id_accessor: 'sa' } },
    }),
    { subject: 'wa', gives: ['s', 'sa'] },
  ],
  [
    'log in',
    entry('auth/approle/login', { response: { auth: { accessor: 't' } } }, { data: { secret_id: 's' } }),
    { subject: 's', gives: ['t'] },
  ],
  ['revoke', entry('auth/token/revoke-self', { auth: { accessor: 't' } }), { subject: 't', gives: [] }],
  [
    'revoke',
    entry('auth/token/revoke-accessor', { auth: { accessor: 'server' } }, { data: { accessor: 't' } }),
    { subject: 't', gives: [] },
  ],
  [
    'destroy',
    entry('auth/approle/role/r/secret-id-accessor/destroy', {}, { data: { secret_id_accessor: 'sa' } }),
    { subject: 'sa', gives: [] },
  ],
  [
    'read payload',
    entry('cubbyhole/job', { auth: { accessor: 'c' } }, { operation: 'read' }),
    { subject: 'c', gives: [] },
  ],
])('tells a request of the kind %s', (kind, line, parts) => {
  expect(toDeed(line)).toEqual({ kind, at, isDone: true, ...parts });
});

test.each([
  ['an error', { error: 'permission denied' }],
  ['a refusal inside the answer', { response: { data: { error: 'wrapping token is not valid' } } }],
])('a request that came to %s is not done', (_, more) => {
  expect(toDeed(entry('sys/wrapping/unwrap', more))).toMatchObject({ isDone: false, subject: '' });
});

test.each([
  ['the line before the answer', { ...entry('sys/wrapping/unwrap'), type: 'request' }],
  ['a payload that is put down', entry('cubbyhole/job', {}, { operation: 'create' })],
  ['what nobody asks about', entry('transit/decrypt/stint-job')],
])('%s is no deed', (_, line) => {
  expect(toDeed(line)).toBeUndefined();
});
