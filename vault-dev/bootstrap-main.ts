// npm run vault-bootstrap: prepares the Vault of VAULT_ADDR with VAULT_TOKEN and prints the settings for a server.
// Progress goes to standard error, so that `eval "$(npm run --silent vault-bootstrap)"` works.
import { clientHint, exportLines, readAccess } from './bootstrap/settings.js';
import { BootstrapError, bootstrapVault } from './bootstrap.js';

try {
  const access = readAccess(process.env);
  const overwritePolicies = process.argv.includes('--overwrite-policies');
  const setup = await bootstrapVault({
    ...access,
    overwritePolicies,
    log: (line) => console.error(`vault: ${line}`),
  });
  console.error(clientHint(setup));
  console.log(exportLines(access, setup).join('\n'));
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
