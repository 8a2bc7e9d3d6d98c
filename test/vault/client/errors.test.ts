import { describe, expect, test } from 'vitest';
import {
  type FailureKind,
  jobLostVault,
  toVaultFailure,
  VaultFailure,
  vaultReplyLost,
  vaultUnavailable,
} from '../../../src/vault/client/errors.js';
import { ShapeError } from '../../../src/vault/client/shape.js';
import { TransportError } from '../../../src/vault/client/transport.js';

/** As node-vault throws it; its message is Vault's first text. */
function answered(statusCode: number, body?: unknown): Error {
  return Object.assign(new Error('CANARY'), { response: { statusCode, body } });
}

const errors = (...texts: string[]) => ({ errors: texts });

/** Texts as Vault 1.13 and OpenBao 2.6 and 2.7 send them, measured; those marked "later" are of newer Vaults. */
const answers: readonly (readonly [
  string,
  Error,
  { kind: FailureKind; hint?: string | undefined; gone?: object | undefined },
])[] = [
  ['sealed', answered(503, errors('Vault is sealed')), { kind: 'sealed', hint: 'sealed' }],
  ['a load balancer without a Vault', answered(503), { kind: 'broken', hint: undefined }],
  [
    'a standby alone',
    answered(500, errors('local node not active but active cluster node not found')),
    { kind: 'standby', hint: 'standby' },
  ],
  ['a performance standby', answered(473), { kind: 'standby' }],
  ['over the rate', answered(429, errors('request path "x": rate limit quota exceeded')), { kind: 'busy' }],
  ['behind the index', answered(412, errors('required index state not present')), { kind: 'busy' }],
  ['a redirect', answered(307), { kind: 'redirected' }],
  ['accepted', answered(202), { kind: 'malformed' }],
  [
    'an inner error',
    answered(500, errors('1 error occurred:\n\t* internal error\n\n')),
    { kind: 'broken', hint: undefined },
  ],
  ['a bad gateway', answered(502), { kind: 'broken' }],
  [
    'a wrapping token that is gone',
    answered(400, errors('wrapping token is not valid or does not exist')),
    { kind: 'invalid', hint: undefined },
  ],
  [
    'a token that is gone',
    answered(403, errors('permission denied')),
    { kind: 'denied', hint: 'token_gone' },
  ],
  [
    'a token that is gone, later',
    answered(403, errors('2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n')),
    { kind: 'denied', hint: 'token_gone' },
  ],
  [
    'a missing right',
    answered(403, errors('1 error occurred:\n\t* permission denied\n\n')),
    { kind: 'denied', hint: undefined },
  ],
  [
    'a token of a namespace that is none',
    answered(
      500,
      errors('error performing token check: failed to look up namespace from the token: no namespace'),
    ),
    { kind: 'denied', hint: 'token_gone' },
  ],
  [
    'the same in OpenBao, which says of it what it says of any token that is none',
    answered(403, errors('permission denied')),
    { kind: 'denied', hint: 'token_gone' },
  ],
  [
    'a text that only holds what a token that is gone hears',
    answered(403, errors('permission denied by the proxy')),
    { kind: 'denied', hint: undefined },
  ],
  [
    'an accessor that is gone',
    answered(400, errors('1 error occurred:\n\t* invalid accessor\n\n')),
    { kind: 'invalid', hint: 'accessor_gone' },
  ],
  [
    'an accessor of a SecretID that is gone',
    answered(
      500,
      errors('1 error occurred:\n\t* failed to find accessor entry for secret_id_accessor: "CANARY"\n\n'),
    ),
    { kind: 'invalid', hint: 'accessor_gone' },
  ],
  [
    'a SecretID that is used',
    answered(500, errors('invalid secret id')),
    { kind: 'invalid', hint: 'login_refused' },
  ],
  [
    'a SecretID that is used, in OpenBao and later',
    answered(400, errors('invalid role or secret ID')),
    { kind: 'invalid', hint: 'login_refused' },
  ],
  [
    'a RoleID that is none',
    answered(400, errors('invalid role ID')),
    { kind: 'invalid', hint: 'login_refused' },
  ],
  [
    'a path without a mount',
    answered(404, errors('no handler for route "nomount/a". route entry not found.')),
    { kind: 'missing', hint: undefined },
  ],
  ['a path that holds nothing', answered(404, errors()), { kind: 'missing', hint: undefined }],
  [
    'KV 2 without data/',
    answered(404, {
      data: null,
      warnings: ['Invalid path for a versioned K/V secrets engine. See the API docs'],
    }),
    { kind: 'missing', hint: undefined, gone: undefined },
  ],
  [
    'a deleted version',
    answered(404, { data: { data: null, metadata: { version: 3 } }, warnings: null }),
    { kind: 'missing', hint: undefined, gone: { version: 3, isDestroyed: false } },
  ],
  [
    'a destroyed version',
    answered(404, {
      data: {
        data: null,
        metadata: {
          version: 3,
          destroyed: true,
          created_time: '2026-11-30T08:21:26.740277314Z',
          deletion_time: '',
        },
      },
    }),
    {
      kind: 'missing',
      gone: { version: 3, isDestroyed: true, writtenAt: '2026-11-30T08:21:26Z', deletedAt: undefined },
    },
  ],
  [
    'a deleted version of which nothing is told',
    answered(404, { data: { data: null, metadata: { version: 'CANARY', deletion_time: 'CANARY' } } }),
    { kind: 'missing', gone: { version: undefined, deletedAt: undefined, isDestroyed: false } },
  ],
  [
    'a ciphertext of another key',
    answered(400, errors('cipher: message authentication failed')),
    { kind: 'invalid', hint: undefined },
  ],
  ['no such key', answered(400, errors('encryption key not found')), { kind: 'invalid', hint: undefined }],
  [
    'errors of another kind',
    answered(403, { errors: [7, null, { a: 1 }] }),
    { kind: 'denied', hint: undefined },
  ],
  [
    'errors that are no list',
    answered(400, { errors: 'Vault is sealed' }),
    { kind: 'invalid', hint: undefined },
  ],
];

test.each(answers)('%s', (_, thrown, expected) => {
  const failure = toVaultFailure(thrown);

  expect(failure).toMatchObject({ name: 'VaultFailure', ...expected });
  expect(`${failure.message} ${failure.stack}`).not.toContain('CANARY');
});

test.each([
  ['unreachable', false, 'unreachable'],
  ['cut', true, 'lost'],
  ['timeout', true, 'lost'],
  ['timeout', false, 'unreachable'],
  ['too_large', true, 'malformed'],
  ['not_json', true, 'malformed'],
] as const)('no answer: %s, sent: %s', (transportKind, sent, kind) => {
  expect(toVaultFailure(new TransportError(transportKind, { sent }))).toMatchObject({
    kind,
    status: undefined,
  });
});

test('an answer of the wrong shape is malformed', () => {
  expect(toVaultFailure(new ShapeError('x'))).toMatchObject({ kind: 'malformed' });
});

test('a bug stays a bug', () => {
  expect(() => toVaultFailure(new TypeError('x is undefined'))).toThrow(TypeError);
});

const table: Readonly<
  Record<FailureKind, readonly [isUnavailable: boolean, mayBeDone: boolean, mayRecover: boolean]>
> = {
  unreadable: [true, false, true],
  unreachable: [true, false, true],
  lost: [true, true, true],
  malformed: [true, true, false],
  sealed: [true, false, true],
  standby: [true, false, true],
  busy: [true, false, true],
  redirected: [true, false, false],
  broken: [true, true, true],
  denied: [false, false, false],
  missing: [false, false, false],
  invalid: [false, false, false],
};

const kinds = Object.keys(table) as FailureKind[]; // The table has all of them, or it would not compile.

describe('every kind', () => {
  test.each(kinds)('%s has its own properties', (kind) => {
    const failure = new VaultFailure(kind);

    expect([failure.isUnavailable, failure.mayBeDone, failure.mayRecover]).toEqual(table[kind]);
  });

  test.each(kinds)('%s has a text with a reason and a remedy', (kind) => {
    const failure = new VaultFailure(kind, { status: 599 });
    const texts = [
      vaultUnavailable('do x', failure),
      jobLostVault('do x', failure),
      vaultReplyLost('do x', failure),
    ];

    for (const { message } of texts)
      expect(message).toMatch(/^Could not do x: Vault [^.]+ \(status 599\)[.,] .+\.$/);
  });
});

test('a failure is a sentence about Vault, which others may quote', () => {
  expect(new VaultFailure('sealed', { status: 503 }).message).toBe('Vault is sealed (status 503).');
});

test('what is sent on is ours, with the failure as its cause', () => {
  const failure = new VaultFailure('lost', { code: 'ECONNRESET' });

  expect(vaultUnavailable('do x', failure)).toMatchObject({
    name: 'BrokenError',
    code: 'vault_unavailable',
    retryable: true,
    cause: failure,
  });
  expect(jobLostVault('do x', failure)).toMatchObject({
    name: 'JobFailedError',
    reason: 'infrastructure',
    code: 'vault_unavailable',
    alarm: false,
  });
  expect(vaultReplyLost('do x', failure)).toMatchObject({
    name: 'JobFailedError',
    reason: 'infrastructure',
    code: 'vault_reply_lost',
    alarm: true,
  });
});
