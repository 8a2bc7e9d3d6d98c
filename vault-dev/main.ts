// `npm run vault-dev [-- --port 8200]`: an embedded Vault for trying things out, set up for stint.

// The warning and the progress go to standard error, the lines for a shell to standard output.
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { exportLines } from './bootstrap/settings.js';
import { BootstrapError, bootstrapVault } from './bootstrap.js';
import { type EmbeddedVault, startEmbeddedVault } from './embedded/embedded.js';

const warning = `
  ************************************************************************
  **  This is NO VAULT. It speaks Vault's language and PROTECTS NOTHING:  **
  **  everything is in the open memory of this process, and is forgotten  **
  **  when it ends. Never give it a secret that matters.                  **
  ************************************************************************
`;

const usage = `npm run vault-dev [-- options]

Starts a stand-in for Vault, in memory, ready for stint, until Ctrl-C. It is no Vault and protects nothing.

  --port N           port to listen on, by default 8200; 0 picks a free one
  --root-token TEXT  the root token; by default a random one
  --no-bootstrap     leave it empty
  --help             show this text
`;

interface Arguments {
  readonly port: number;
  readonly rootToken: string | undefined;
  readonly isBare: boolean;
  readonly help: boolean;
}

class ArgumentError extends Error {}

function readArguments(args: readonly string[]): Arguments {
  const options = {
    port: { type: 'string', default: '8200' },
    'root-token': { type: 'string' },
    'no-bootstrap': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
    throw new ArgumentError(
      `Expected --port to be a number from 0 to 65535, got ${JSON.stringify(values.port)}.`,
    );
  }
  return { port, rootToken: values['root-token'], isBare: values['no-bootstrap'], help: values.help };
}

async function main(): Promise<void> {
  const { port, rootToken, isBare, help } = readArguments(process.argv.slice(2));
  if (help) return console.log(usage);
  const signal = nextSignal(); // From here on a signal leads to an orderly end.
  await using vault = await startEmbeddedVault({ port, ...(rootToken === undefined ? {} : { rootToken }) });
  console.error(warning);
  console.error(`Address:    ${vault.address}`);
  console.error(`Root token: ${vault.rootToken}`);
  console.error(`Unseal key: ${vault.unsealKey}\n`);
  await printSettings(vault, isBare);
  console.error('\nCtrl-C ends it.');
  await signal;
}

/** Prints lines for a shell; with a bootstrap also the settings of stint. */
async function printSettings(vault: EmbeddedVault, isBare: boolean): Promise<void> {
  const access = { address: vault.address, token: vault.rootToken };
  const lines = [`export VAULT_ADDR=${vault.address}`, `export VAULT_TOKEN=${vault.rootToken}`];
  if (isBare) return console.log(lines.join('\n'));
  const setup = await bootstrapVault({ ...access, log: (line) => console.error(`vault: ${line}`) });
  const others = exportLines(access, setup).filter((line) => !line.startsWith('export VAULT_ADDR='));
  console.log([...lines, ...others].join('\n'));
}

async function nextSignal(): Promise<void> {
  await Promise.race(['SIGINT', 'SIGTERM'].map((name) => once(process, name)));
}

/** A port in use or a wrong argument is not a bug, so it is reported without a stack trace. */
function reportFailure(error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    console.error('Could not start the embedded Vault: its port is in use. Choose another with --port.');
  } else if (error instanceof ArgumentError || error instanceof BootstrapError) {
    console.error(message);
  } else if (code?.startsWith('ERR_PARSE_ARGS_') === true) {
    const given = process.argv.slice(2).join(' ');
    console.error(`Expected --port N, --root-token TEXT, --no-bootstrap or --help, got "${given}".`);
  } else throw error;
  process.exitCode = 1;
}

await main().catch(reportFailure);
