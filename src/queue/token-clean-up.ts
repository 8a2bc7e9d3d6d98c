import { setInterval } from 'node:timers';
import type { Store } from '../store/store.js';
import type { WorkerLog } from './worker.js';

/** Revokes a token by its accessor; never throws. `unsure` is tried again later. */
export type RevokeAccessor = (accessor: string) => Promise<'revoked' | 'gone' | 'unsure'>;

export interface TokenCleanUpParts {
  readonly store: Pick<Store, 'listUnrevoked' | 'markTokenRevoked'>;
  readonly node: string;
  readonly revoke: RevokeAccessor;
  readonly log: WorkerLog;
}

const intervalMs = 30_000;

/**
 * Revokes what jobs of this node left alive in Vault: those that ended while Vault was away, and those that a crash cut
 * off. The accessor is recorded right after each login, so nothing is forgotten. Returns how many are still alive.
 */
export async function revokeLeftovers({ store, node, revoke }: TokenCleanUpParts): Promise<number> {
  let alive = 0;
  for (const { id, tokenAccessor } of await store.listUnrevoked(node)) {
    if ((await revoke(tokenAccessor)) === 'unsure') alive++;
    else await store.markTokenRevoked(id, `node:${node}`);
  }
  return alive;
}

/** Does so now and then until it is disposed of; one round at a time. */
export function cleanUpTokens(parts: TokenCleanUpParts): AsyncDisposable {
  let round: Promise<void> | undefined;
  const begin = () => {
    round ??= oneRound(parts).finally(() => {
      round = undefined;
    });
  };
  const timer = setInterval(begin, intervalMs);
  begin();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await round;
    },
  };
}

async function oneRound(parts: TokenCleanUpParts): Promise<void> {
  try {
    const alive = await revokeLeftovers(parts);
    if (alive > 0) parts.log.error('could not revoke tokens of ended jobs; trying again', { alive });
  } catch (error) {
    parts.log.error('could not look for tokens of ended jobs', { error });
  }
}
