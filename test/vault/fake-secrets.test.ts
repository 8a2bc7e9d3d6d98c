import type { Secret } from '../../src/job/secret.js';
import { type SecretsBench, secretsContract } from '../contract/secrets.contract.js';
import { FakeSecrets } from '../support/fake-secrets.js';

function pathOf(name: string, version: 1 | 2): string {
  return version === 1 ? `kv1/${name}` : `kv2/data/${name}`;
}

async function startFakeBench(): Promise<SecretsBench> {
  const secrets = new FakeSecrets();
  return {
    secrets,
    wrap: async (ttlSeconds = 300) => secrets.addWrap({ ttlMs: ttlSeconds * 1000 }),
    wrapChosen: async (role = 'job') =>
      secrets.addWrap({ creationPath: `auth/approle/role/${role}/custom-secret-id` }),
    rewrap: async () => secrets.addWrap({ creationPath: 'sys/wrapping/wrap' }),
    steal: async (wrappingToken: Secret) => secrets.stealWrap(wrappingToken),
    encrypt: async (text) => secrets.encrypt(text),
    cubbyhole: async (payload) => secrets.addPayload(payload),
    write: async (name, data, version) => {
      secrets.writeSecret(pathOf(name, version), data);
      return pathOf(name, version);
    },
    deleteVersion: async (path) => secrets.deleteVersion(path),
    destroyVersion: async (path) => secrets.destroyVersion(path),
    forbidden: async () => {
      secrets.setSecret('forbidden/data/app', 'denied');
      return 'forbidden/data/app';
    },
    isAlive: async (accessor) => secrets.isAlive(accessor),
    fail: (phase, how) => secrets.fail(phase, how),
    heal: () => secrets.heal(),
    count: (phase) => secrets.count(phase),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

secretsContract('the fake', startFakeBench);
