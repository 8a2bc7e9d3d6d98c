import { type EmbeddedVault, startEmbeddedVault } from '../../vault-dev/embedded/embedded.js';
import {
  findVaultServerAtOnce,
  startVaultServer,
  type VaultServer,
  type VaultServerOptions,
} from './vault-server.js';

/**
 * Which Vault it may be. `real`: found or built, however long that takes. `at-once`: a real one if that takes no
 * building, else the embedded one. `embedded`: ours in TypeScript, which protects nothing.
 */
export type VaultChoice = 'real' | 'at-once' | 'embedded';

/** A Vault that is unsealed and answers. Disposing ends it only if it is ours. */
export interface VaultPart extends Omit<VaultServer, 'kind'> {
  /** `embedded` runs in this very process and ends with it. */
  readonly kind: VaultServer['kind'] | 'embedded';
}

/** Finds or starts the Vault that was chosen. Throws `RigError` where there is none to be had. */
export async function startVault(
  choice: VaultChoice,
  options: Pick<VaultServerOptions, 'confirm' | 'log'> = {},
): Promise<VaultPart> {
  if (choice === 'real') return await startVaultServer(options);
  const real = choice === 'at-once' ? await findVaultServerAtOnce(options) : undefined;
  return real ?? toPart(await startEmbeddedVault());
}

/** It has no process of its own that could be suspended. */
function toPart(embedded: EmbeddedVault): VaultPart {
  const { address, rootToken, unsealKey } = embedded;
  return {
    kind: 'embedded',
    ours: true,
    address,
    rootToken,
    unsealKey,
    pid: undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(embedded[Symbol.asyncDispose]()),
  };
}
