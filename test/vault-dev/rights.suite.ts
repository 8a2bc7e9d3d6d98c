import { beforeAll, describe, expect, test } from 'vitest';
import type { FindVault } from '../vault/live-bench.js';
import { jobSecretId, PreparedVault, type Request } from './prepared.js';

const readsOfSecrets: readonly Request[] = [
  ['GET', 'kv/data/demo/db'],
  ['GET', 'kv1/demo/app'],
  ['GET', 'secret/data/demo/app'],
  ['GET', 'kv/data/stint/server-login'],
  ['GET', 'kv/data/stint/client-login'],
];
const decrypt: Request = ['POST', 'transit/decrypt/stint-job', { ciphertext: 'vault:v1:AAAA' }];
const makeSecretId: Request = ['POST', jobSecretId, {}];
const makeToken: Request = ['POST', 'auth/token/create', { policies: ['default'] }];
const accessor = { accessor: 'unknown' };
const secretIdAccessor = { secret_id_accessor: 'unknown' };

interface Rights {
  readonly allows: readonly Request[];
  readonly refuses: readonly Request[];
}

/** What is allowed may fail for another reason than a missing right, such as an unknown accessor. */
const rights: Readonly<Record<string, Rights>> = {
  'stint-client': {
    allows: [makeToken, ['POST', 'transit/encrypt/stint-job', { plaintext: '' }]],
    refuses: [
      ...readsOfSecrets,
      decrypt,
      makeSecretId, // In the open: see the dance for a wrapped one.
      ['GET', 'auth/approle/role/stint-job/role-id'],
      ['GET', 'auth/approle/role/stint-job'],
      ['POST', 'auth/approle/role/stint-server/secret-id', {}],
      ['POST', 'transit/encrypt/another', { plaintext: '' }],
      ['POST', 'auth/token/revoke-accessor', accessor],
      ['POST', 'sys/policies/acl/stint-client', { policy: '' }],
    ],
  },
  'stint-job': {
    allows: [decrypt, ['GET', 'kv/data/demo/db'], ['GET', 'kv1/demo/app'], ['GET', 'secret/data/demo/app']],
    refuses: [
      makeSecretId,
      makeToken,
      ['GET', 'kv/data/stint/server-login'],
      ['GET', 'kv/data/stint/client-login'],
      ['GET', 'kv/data/others/db'],
      ['GET', 'kv1/others'],
      ['GET', 'kv/metadata/demo?list=true'],
      ['POST', 'kv/data/demo/db', { data: {} }],
      ['DELETE', 'kv1/demo/app'],
      ['POST', 'transit/encrypt/stint-job', { plaintext: '' }],
      ['POST', 'transit/decrypt/another', { ciphertext: 'vault:v1:AAAA' }],
    ],
  },
  'stint-server': {
    allows: [
      ['POST', 'auth/token/revoke-accessor', accessor],
      ['POST', `${jobSecretId}-accessor/destroy`, secretIdAccessor],
      ['POST', 'auth/token/renew-self', {}],
      ['POST', 'transit/sign/stint-audit', { input: '' }],
      ['GET', 'transit/keys/stint-audit'],
    ],
    refuses: [
      ...readsOfSecrets,
      decrypt,
      makeSecretId,
      makeToken,
      ['GET', 'auth/token/accessors?list=true'],
      ['POST', 'transit/keys/stint-audit/rotate', {}],
      ['GET', 'transit/keys/stint-job'],
      ['POST', 'auth/token/lookup-accessor', accessor],
      ['POST', 'auth/approle/role/stint-client/secret-id-accessor/destroy', secretIdAccessor],
    ],
  },
  'stint-operator': {
    allows: [
      ['GET', 'auth/approle/role/stint-job/role-id'],
      ['GET', 'auth/approle/role/stint-server/role-id'],
      ['GET', 'kv/data/stint/server-login'],
      ['POST', 'auth/approle/role/stint-server/secret-id-accessor/destroy', secretIdAccessor],
      ['POST', `${jobSecretId}-accessor/destroy`, secretIdAccessor],
      ['POST', 'auth/token/revoke-accessor', accessor],
      ['GET', 'transit/keys/stint-job'],
      ['POST', 'transit/keys/stint-job/rotate', {}],
    ],
    refuses: [
      decrypt,
      makeSecretId,
      makeToken,
      ['GET', 'kv/data/demo/db'],
      ['GET', 'kv1/demo/app'],
      ['GET', 'kv/data/stint/client-login'],
      ['POST', 'auth/approle/role/stint-job', {}],
      ['POST', 'sys/policies/acl/stint-operator', { policy: '' }],
      ['DELETE', 'transit/keys/stint-job'],
    ],
  },
  'stint-auditor': {
    allows: [
      ['GET', 'auth/approle/role/stint-job'],
      ['GET', 'auth/approle/role/stint-server'],
      ['GET', 'auth/approle/role/stint-client'],
      ['GET', `${jobSecretId}?list=true`],
      ['POST', `${jobSecretId}-accessor/lookup`, secretIdAccessor],
      ['GET', 'sys/policies/acl/stint-job'],
      ['GET', 'kv/metadata/demo?list=true'],
      ['GET', 'kv/metadata/demo/db'],
      ['GET', 'transit/keys/stint-job'],
      ['GET', 'transit/keys/stint-audit'],
    ],
    refuses: [
      ['POST', 'transit/sign/stint-audit', { input: '' }],
      ...readsOfSecrets,
      decrypt,
      makeSecretId,
      makeToken,
      ['GET', 'auth/approle/role/stint-job/role-id'],
      ['POST', 'auth/token/revoke-accessor', accessor],
      ['POST', 'transit/keys/stint-job/rotate', {}],
      ['POST', 'sys/policies/acl/stint-auditor', { policy: '' }],
      ['DELETE', 'kv/metadata/demo/db'],
    ],
  },
};

const none = ['deny'];
const stintPaths = (queue: readonly string[], operator: readonly string[]) => ({
  'stint/queues/builds/jobs': queue,
  'stint/no-queue/jobs': queue,
  'stint/queues': none,
  'stint/operator/jobs': operator,
  'stint/operator/queues': operator,
  'stint/operator/nodes': operator,
  'stint/operator/reaper': operator,
});

const stintRights = {
  'stint-client': stintPaths(['create'], none),
  'stint-job': stintPaths(none, none),
  'stint-server': stintPaths(none, none),
  'stint-operator': stintPaths(none, ['delete', 'list', 'read', 'update']),
  'stint-auditor': stintPaths(none, ['list', 'read']),
};

/** What each policy allows and what it refuses, checked against Vault, not against the policy's text. */
export function rightsSuite(name: string, find: FindVault): void {
  describe(`the policies, in ${name},`, () => {
    let prepared: PreparedVault;

    beforeAll(async () => {
      prepared = await PreparedVault.prepare(await find());
    });

    test.each(Object.entries(rights))('give `%s` all it needs', async (policy, { allows }) => {
      expect(await prepared.allowedOf(policy, allows)).toEqual(allows);
    });

    test.each(Object.entries(rights))('give `%s` nothing else', async (policy, { refuses }) => {
      expect(await prepared.allowedOf(policy, refuses)).toEqual([]);
    });

    test.each(Object.entries(stintRights))('give `%s` these rights in stint', async (policy, expected) => {
      const token = await prepared.tokenWith(policy);
      const body = { paths: Object.keys(expected) };

      const { data } = await prepared.admin.call('POST', 'sys/capabilities-self', { token, body });

      expect(data).toEqual(expected);
    });

    test.each(['stint-operator', 'stint-auditor'])(
      'let a `%s` look at a token by accessor',
      async (policy) => {
        const body = { accessor: (await prepared.jobLogin()).accessor };
        const token = await prepared.tokenWith(policy);

        const { data } = await prepared.admin.call('POST', 'auth/token/lookup-accessor', { token, body });

        expect(data).toMatchObject({ policies: ['default', 'stint-job'] });
      },
    );

    test('let a client make no token that may do more than itself', async () => {
      const token = await prepared.tokenWith('stint-client');
      const body = { policies: ['stint-job'] };

      const response = await prepared.admin.raw('POST', 'auth/token/create', { token, body });

      expect(response.ok).toBe(false);
    });
  });
}
