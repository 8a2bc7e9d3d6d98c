import { setInterval } from 'node:timers';
import type { Store } from '../../store/store.js';
import type { WorkerLog } from '../worker/worker-log.js';

/** Revokes a token by its accessor; never throws. `unsure` is tried again later. */
export type RevokeAccessor = (accessor: string) => Promise<'revoked' | 'gone' | 'unsure'>;

export interface TokenCleanUpParts {
  readonly store: Pick<Store, 'listUnrevoked' | 'markTokenRevoked'>;
  readonly node: string;
  readonly revoke: RevokeAccessor;
  readonly log: WorkerLog;
}

const intervalMs = 30_000;
/** How long a node looks after its own jobs' tokens before others do so too. */
const overdueMs = 60_000;

/**
 * Revokes what jobs of this node, and of nodes that are gone, left alive in Vault: those that ended while Vault was away,
 * and those that a crash cut off. The accessor is recorded right after each login, so nothing is forgotten. Returns how
 * many are still alive.
 */
export async function revokeLeftovers(
  { store, node, revoke }: TokenCleanUpParts,
  isOver = () => false,
): Promise<number> {
  let alive = 0;
  for (const { id, tokenAccessor } of await store.listUnrevoked(node, overdueMs)) {
    if ((await revoke(tokenAccessor)) === 'unsure') alive++;
    else await store.markTokenRevoked(id, `node:${node}`);
    if (isOver()) break;
  }
  return alive;
}

export interface TokenCleanUp extends AsyncDisposable {
  /** Jobs ended just now whose tokens nobody else will revoke. */
  now(): void;
}

/**
 * Does so now and then, and when it is told to, until it is disposed of; one round at a time. The end waits for one token
 * only, not for the list: a Vault that does not answer would keep the process for hours.
 */
export function cleanUpTokens(parts: TokenCleanUpParts): TokenCleanUp {
  let round: Promise<void> | undefined;
  let again = false;
  let isOver = false;
  const now = () => {
    again = true;
    round ??= rounds().finally(() => {
      round = undefined;
    });
  };
  const rounds = async () => {
    while (again) {
      again = false;
      await oneRound(parts, () => isOver);
    }
  };
  const timer = setInterval(now, intervalMs);
  now();
  return {
    now,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      isOver = true;
      again = false;
      await round;
    },
  };
}

async function oneRound(parts: TokenCleanUpParts, isOver: () => boolean): Promise<void> {
  try {
    const alive = await revokeLeftovers(parts, isOver);
    if (alive > 0) parts.log.error('could not revoke tokens of ended jobs; trying again', { alive });
  } catch (error) {
    parts.log.error('could not look for tokens of ended jobs', { error });
  }
}
