import { describe } from 'vitest';
import type { FindVault } from '../vault/live-bench.js';
import { VaultBench } from './vault-http-bench.js';
import { cubbyholeRules, transitKeyRules, transitRules, transitSigningRules } from './vault-http-engines.js';
import { kv1Rules, kv2MetadataRules, kv2Rules } from './vault-http-kv.js';
import { appRoleRules, roleRules, userpassRules } from './vault-http-logins.js';
import { matchingRules, policyRules } from './vault-http-policies.js';
import { mountRules, mountVersionRules, type OwnVault, sealRules, sysRules } from './vault-http-sys.js';
import { childRules, lifeRules, limitedChildRules, lookUpRules, useRules } from './vault-http-tokens.js';
import { wrapLimitRules, wrapLookUpRules, wrappingRules } from './vault-http-wrapping.js';

const rules: Readonly<Record<string, (bench: VaultBench) => void>> = {
  'uses of a token': useRules,
  'children of a token': childRules,
  'rights of children': limitedChildRules,
  'life of a token': lifeRules,
  'look-up of a token': lookUpRules,
  policies: policyRules,
  'paths in policies': matchingRules,
  'opening a wrap': wrappingRules,
  'looking at a wrap': wrapLookUpRules,
  'limits of wraps': wrapLimitRules,
  'AppRole logins': appRoleRules,
  'AppRole roles': roleRules,
  userpass: userpassRules,
  transit: transitRules,
  'transit keys': transitKeyRules,
  'transit signatures': transitSigningRules,
  'KV 1': kv1Rules,
  'KV 2': kv2Rules,
  'KV 2 metadata': kv2MetadataRules,
  cubbyhole: cubbyholeRules,
  mounts: mountRules,
  'version of a mount': mountVersionRules,
  'paths of its own': sysRules,
};

/**
 * How a Vault answers over HTTP, word for word where clients read the words. It runs against the embedded Vault and a real
 * one, so that the embedded one cannot drift: where they differ, the real one is right.
 */
export function vaultHttpContract(name: string, find: FindVault, startOwn: () => Promise<OwnVault>): void {
  const bench = new VaultBench(find);
  describe(`the HTTP API of ${name}`, () => {
    describe.each(Object.entries(rules))('%s', (_, state) => {
      state(bench);
    });
    describe('the seal', () => {
      sealRules(startOwn);
    });
  });
}
