// Writes the secrets that the README and the demo read.

import { ensure, type Workbench } from './steps.js';

/** Values that protect nothing, one secret for each version of the KV engine. READMEs and tests refer to them. */
const secrets = [
  { path: 'kv/data/demo/db', body: { data: { user: 'demo', password: '0042', port: 5432 } } },
  { path: 'kv1/demo/app', body: { greeting: 'hello from Vault', token: 'demo-token-1' } },
];

/** Writes the demo secrets that are missing. */
export async function ensureDemoSecrets(bench: Workbench): Promise<void> {
  for (const { path, body } of secrets) {
    await ensure(bench, {
      name: `demo secret ${path}`,
      isThere: async () => (await bench.api.read(path)) !== undefined,
      create: () => bench.api.write(path, body),
    });
  }
}
