import { startEngine } from '../../rig/engine/engine.js';
import { startPostgres } from '../../rig/postgres/postgres.js';
import { startVaultServer } from '../../rig/vault/vault-server.js';
import { bootstrapVault, type VaultSetup } from '../../vault-dev/bootstrap.js';

/** How test files reach the parts that they share. */
export interface PartAddresses {
  /** The superuser's address; a test file makes a database of its own there. */
  readonly postgres: { readonly url: string };
  /** A server from the npm package's programs, whatever is installed. */
  readonly npmPostgres: { readonly url: string };
  readonly engine: { readonly dockerHost: string; readonly socketPath: string | undefined };
  /** Shared by all: a test that seals or kills a Vault starts its own. */
  readonly vault: { readonly address: string; readonly rootToken: string };
  /** The same Vault, prepared for stint as an operator does it. */
  readonly preparedVault: {
    readonly address: string;
    readonly rootToken: string;
    readonly setup: VaultSetup;
  };
}

type PartName = keyof PartAddresses;

interface SharedPart {
  readonly address: PartAddresses[PartName];
  readonly end: () => PromiseLike<void>;
}

/** Starts each part at most once, when it is first requested. */
export class SharedParts implements AsyncDisposable {
  readonly #started = new Map<string, Promise<SharedPart>>();

  async addressOf(name: string): Promise<PartAddresses[PartName]> {
    const part = this.#started.get(name) ?? startPart(name, this);
    this.#started.set(name, part);
    return (await part).address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = await Promise.allSettled(this.#started.values());
    await Promise.all(parts.map((part) => (part.status === 'fulfilled' ? part.value.end() : undefined)));
  }
}

async function startPart(name: string, parts: SharedParts): Promise<SharedPart> {
  if (!isPartName(name)) throw new Error(`There is no part "${name}".`);
  return await STARTERS[name](parts);
}

function isPartName(name: string): name is PartName {
  return Object.hasOwn(STARTERS, name);
}

const STARTERS: Record<PartName, (parts: SharedParts) => Promise<SharedPart>> = {
  postgres: async () => {
    const postgres = await startPostgres({ log });
    return { address: { url: postgres.url }, end: () => postgres[Symbol.asyncDispose]() };
  },
  npmPostgres: async () => {
    const postgres = await startPostgres({ alwaysOwn: true, programs: 'npm', log });
    return { address: { url: postgres.url }, end: () => postgres[Symbol.asyncDispose]() };
  },
  engine: async () => {
    const engine = await startEngine({ log });
    const { dockerHost, socketPath } = engine;
    return { address: { dockerHost, socketPath }, end: () => engine[Symbol.asyncDispose]() };
  },
  vault: async () => {
    const vault = await startVaultServer({ log });
    const { address, rootToken } = vault;
    return { address: { address, rootToken }, end: () => vault[Symbol.asyncDispose]() };
  },
  preparedVault: async (parts) => {
    const { address, rootToken } = (await parts.addressOf('vault')) as PartAddresses['vault'];
    const setup = await bootstrapVault({ address, token: rootToken });
    return { address: { address, rootToken, setup }, end: async () => undefined };
  },
};

/** Standard error, since a reporter may be writing a report to standard output. */
function log(line: string): void {
  process.stderr.write(`rig: ${line}\n`);
}
