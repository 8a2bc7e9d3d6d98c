// Writes the policies from `vault-dev/policies` to Vault.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BootstrapError } from './api.js';
import { ensure, type Workbench } from './steps.js';

/** Each has a file of that name in `vault-dev/policies`. */
export const policyNames = [
  'stint-job',
  'stint-client',
  'stint-server',
  'stint-operator',
  'stint-auditor',
] as const;

/**
 * Writes the policies that are missing. One with another text was changed by somebody, and replacing it could take rights
 * from running jobs: it is only reported, unless `overwrite` is set.
 */
export async function ensurePolicies(bench: Workbench, overwrite: boolean): Promise<void> {
  for (const name of policyNames) {
    const policy = await readPolicy(name);
    const path = `sys/policies/acl/${name}`;
    const create = () => bench.api.write(path, { policy });
    const find = async () => (await bench.api.read(path))?.policy;
    await ensure(bench, {
      name: `policy ${name}`,
      isThere: async () => (await find()) !== undefined,
      create,
    });
    if ((await find()) === policy) continue;
    if (overwrite) await create();
    bench.log(
      `the policy ${name} ${overwrite ? 'was replaced' : `differs from ${name}.hcl and was left as it is`}`,
    );
  }
}

/** Searches upwards, because the compiled `dist/vault-dev/` has no policies beside it. */
async function readPolicy(name: string): Promise<string> {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'vault-dev', 'policies', `${name}.hcl`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  throw new BootstrapError(
    `Could not find the policy "vault-dev/policies/${name}.hcl" above "${import.meta.dirname}".`,
  );
}
