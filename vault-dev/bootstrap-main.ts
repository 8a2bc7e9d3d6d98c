// `npm run vault-bootstrap` prepares the Vault of VAULT_ADDR with VAULT_TOKEN and prints settings for a server.

// Progress goes to standard error, so that `eval "$(npm run --silent vault-bootstrap)"` works.
import { clientHint, exportLines, readAccess } from './bootstrap/settings.js';
import { BootstrapError, bootstrapVault } from './bootstrap.js';

const usage = `npm run --silent vault-bootstrap [-- options]

Prepares the Vault of VAULT_ADDR with VAULT_TOKEN and prints the settings for a server. Run again, it changes nothing.

  --overwrite-policies  write the policies again where they differ from ours
  --help                show this text
`;

/** Throws `BootstrapError` for an unknown argument. */
function readOptions(args: readonly string[]): { help: boolean; overwritePolicies: boolean } {
  const known = ['--overwrite-policies', '--help'];
  const unknown = args.find((arg) => !known.includes(arg));
  if (unknown !== undefined)
    throw new BootstrapError(`Expected no arguments but ${known.join(' and ')}, got "${unknown}".`);
  return { help: args.includes('--help'), overwritePolicies: args.includes('--overwrite-policies') };
}

async function main(): Promise<void> {
  const { help, overwritePolicies } = readOptions(process.argv.slice(2));
  if (help) return console.log(usage);
  const access = readAccess(process.env);
  const setup = await bootstrapVault({
    ...access,
    overwritePolicies,
    log: (line) => console.error(`vault: ${line}`),
  });
  console.error(clientHint(setup));
  console.log(exportLines(access, setup).join('\n'));
}

await main().catch((error: unknown) => {
  if (!(error instanceof BootstrapError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
});
