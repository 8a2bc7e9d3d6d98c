// Chooses between a real Vault and the embedded one.
import { type EmbeddedVault, startEmbeddedVault } from '../../vault-dev/embedded/embedded.js';
import {
  findVaultServerAtOnce,
  startVaultServer,
  type VaultServer,
  type VaultServerOptions,
} from './vault-server.js';

/**
 * `real`: a real Vault, found or built, however long that takes. `at-once`: a real one if it need not be built, else the
 * embedded one. `embedded`: our own in TypeScript, which protects nothing.
 */
export type VaultChoice = 'real' | 'at-once' | 'embedded';

/** A Vault that is unsealed and answers. Disposing stops it only where we started it. */
export interface VaultPart extends Omit<VaultServer, 'kind'> {
  /** `embedded` runs in this process and ends with it. */
  readonly kind: VaultServer['kind'] | 'embedded';
}

/** Finds or starts the chosen Vault. Throws `RigError` where that is not possible. */
export async function startVault(
  choice: VaultChoice,
  options: Pick<VaultServerOptions, 'confirm' | 'log'> = {},
): Promise<VaultPart> {
  if (choice === 'real') return await startVaultServer(options);
  const real = choice === 'at-once' ? await findVaultServerAtOnce(options) : undefined;
  return real ?? toPart(await startEmbeddedVault());
}

/** It has no own process, so it cannot be suspended. */
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
