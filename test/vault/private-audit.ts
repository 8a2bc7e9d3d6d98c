import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VaultOperation } from '../../bench/chaos/history/history.js';
import { readAudit, startAudit, stopAudit } from '../../bench/chaos/history/vault-audit.js';
import { startVaultServer, type VaultServer } from '../../rig/vault/vault-server.js';
import { rigPart } from '../support/rig-part.js';

/** A Vault whose audit log a test reads. It is private, because the log has its secrets in the clear. */
export interface AuditedVault extends AsyncDisposable {
  readonly vault: VaultServer;
  /** What others than the operator with the root token asked for meanwhile. */
  during(work: () => Promise<unknown>): Promise<VaultOperation[]>;
}

/** Await it at the top of a `real` test file: the first one may have to build a Vault. */
export async function startAuditedVault(): Promise<AuditedVault> {
  await rigPart('vault');
  const vault = await startVaultServer({ alwaysOwn: true });
  const directory = await mkdtemp(join(tmpdir(), 'stint-audit-'));
  return {
    vault,
    during: async (work) => {
      const file = join(directory, 'audit.log');
      await rm(file, { force: true });
      await startAudit(vault, file);
      await work();
      await stopAudit(vault);
      return await readAudit(vault, file);
    },
    [Symbol.asyncDispose]: async () => {
      await vault[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}
