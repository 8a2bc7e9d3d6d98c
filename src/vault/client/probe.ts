// Asks Vault for its health without a token.

import type { VaultConnection } from './client.js';
import { type FailureKind, toVaultFailure } from './errors.js';
import { isFields } from './shape.js';

/** The state of Vault. A `standby` may forward requests and so serve them; `unwell` is any other answer. */
export type VaultHealth = 'ok' | 'standby' | 'sealed' | 'uninitialized' | 'unreachable' | 'unwell';

/** Short, because whoever reads a readiness check treats a hanging one as dead. */
const probeMs = 2_000;

/** Asks without a token, so it spends no use and needs no right. Never throws. */
export async function probeVault(connection: VaultConnection): Promise<VaultHealth> {
  try {
    return await connection
      .client()
      .ask({ method: 'GET', path: 'sys/health', timeoutMs: probeMs }, (reply) =>
        isFields(reply) && reply.sealed === false ? 'ok' : 'unwell',
      );
  } catch (error) {
    const { kind, status } = toVaultFailure(error);
    return byStatus.get(status ?? 0) ?? byKind[kind] ?? 'unwell';
  }
}

/** On this path only, 429 does not mean "too many requests", and 503 always means "sealed". */
const byStatus: ReadonlyMap<number, VaultHealth> = new Map([
  [429, 'standby'],
  [472, 'standby'],
  [473, 'standby'],
  [501, 'uninitialized'],
  [503, 'sealed'],
]);

const byKind: Partial<Record<FailureKind, VaultHealth>> = { unreachable: 'unreachable', lost: 'unreachable' };
