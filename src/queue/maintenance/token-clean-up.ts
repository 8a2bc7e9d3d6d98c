// Revokes Vault tokens of ended jobs that were not revoked when the job ended.
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
/** Only after this time do other nodes revoke the tokens of a node's jobs too. */
const overdueMs = 60_000;

/**
 * Revokes tokens that ended jobs of this node, and of dead nodes, left valid in Vault: because Vault was unavailable when
 * the job ended, or because of a crash. The accessor is recorded right after each login, so no token is missed. Returns how
 * many are still valid.
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
  /** Starts a round at once: jobs have just been settled whose tokens nobody else will revoke. */
  now(): void;
}

/**
 * Runs `revokeLeftovers` periodically and on `now()`, until disposed; never two rounds at once. Disposing waits for the
 * current token only, not for the whole list: a Vault that does not answer would delay the shutdown for hours.
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
    parts.log.error('the clean-up of tokens failed; trying again', { error });
  }
}
