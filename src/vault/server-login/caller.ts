// Finds out from Vault who holds the token of an API request.

import { RefusedError } from '../../job/errors.js';
import type { Caller, IdentifyCaller } from '../../job/owner.js';
import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { toVaultFailure, vaultUnavailable } from '../client/errors.js';
import { isTokenShaped, pathOf } from '../client/path.js';
import { fieldsAt, optionalTextAt, textsAt } from '../client/shape.js';
import { KeyedMemory } from './keyed-memory.js';
import { type BudgetSettings, LookUpBudget } from './look-up-budget.js';
import { type LookedUp, OutageMemory } from './outage-memory.js';

export interface CallerOptions {
  /**
   * How long an answer is reused without asking Vault again. 0, the default, asks each time; more means that a
   * revoked token is accepted for that much longer. At most 10 seconds.
   */
  readonly cacheMs?: number;
  /** How long a caller whom Vault accepted is remembered for times when Vault cannot answer; at most until the token expires. */
  readonly outageMs?: number;
  /** How many tokens that Vault refuses it is asked about; any number unless given. */
  readonly budget?: BudgetSettings;
}

export const longestCacheMs = 10_000;
const defaultOutageMs = 15 * 60_000;
/** How long a refused token is refused without asking again. Short: it may have been created a moment too late. */
const refusedMs = 5_000;
/** How long Vault is asked about an accepted token whatever others do. */
const acceptedMs = 15 * 60_000;

/**
 * Asks Vault who holds a token: one look-up per call, which spends exactly one use of a token of limited uses. A text
 * that cannot be a token is refused without asking. Rules: root tokens are accepted and have no entity; batch tokens are
 * accepted only with an entity, because without one they cannot be told apart.
 *
 * A refused token is remembered as a keyed hash and refused for a moment without asking. Tokens that Vault has never accepted
 * share a budget, so that a flood of bad ones reaches it a bounded number of times; an accepted one is outside of it.
 *
 * A token of limited uses is not remembered for an outage: each call costs a use, and only Vault counts them.
 *
 * Throws `RefusedError` `token_refused`, or `BrokenError` `vault_unavailable`.
 */
export function createIdentifyCaller(
  connection: VaultConnection,
  options: CallerOptions = {},
): IdentifyCaller {
  const cacheMs = Math.min(options.cacheMs ?? 0, longestCacheMs);
  const known = new KeyedMemory<Caller>();
  const outageMemory = new OutageMemory(options.outageMs ?? defaultOutageMs);
  const lookUp = boundedLookUp(connection, options.budget);
  return async (text, mayRemember = false, source = '') => {
    if (!isTokenShaped(text)) throw tokenRefused();
    const token = new Secret(text);
    const cached = cacheMs > 0 ? known.get(token) : undefined;
    if (cached !== undefined) return cached;
    const asked = outageMemory.note(token, lookUp(token, source));
    const { caller } = await (mayRemember ? outageMemory.orRemembered(token, asked) : asked);
    if (cacheMs > 0) known.set(token, caller, cacheMs);
    return caller;
  };
}

type LookUp = (token: Secret, source: string) => Promise<LookedUp>;

/** Asks Vault, unless the token was refused a moment ago or the budget is used up. */
function boundedLookUp(connection: VaultConnection, settings: BudgetSettings | undefined): LookUp {
  const budget = settings && new LookUpBudget(settings);
  const accepted = new KeyedMemory<true>();
  const refused = new KeyedMemory<RefusedError>();
  const ask = async (token: Secret) => {
    const refusal = refused.get(token);
    if (refusal !== undefined) throw refusal;
    try {
      const found = await lookUpSelf(connection, token);
      accepted.set(token, true, acceptedMs);
      return found;
    } catch (error) {
      if (error instanceof RefusedError) refused.set(token, error, refusedMs);
      if (error instanceof RefusedError) accepted.delete(token);
      throw error;
    }
  };
  return async (token, source) => {
    if (budget === undefined || accepted.get(token) === true || refused.get(token) !== undefined)
      return await ask(token);
    return await budget.ask({ address: source, token }, () => ask(token));
  };
}

async function lookUpSelf(connection: VaultConnection, token: Secret): Promise<LookedUp> {
  try {
    return await connection
      .client(token)
      .ask({ method: 'GET', path: pathOf('auth/token/lookup-self') }, readLookedUp);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.kind === 'denied' || failure.hint === 'token_gone') throw tokenRefused();
    throw vaultUnavailable("check the caller's token", failure);
  }
}

function readLookedUp(reply: unknown): LookedUp {
  const caller = readCaller(reply);
  const { num_uses: uses, ttl, expire_time: expires } = fieldsAt(reply, 'data');
  if (uses !== 0 || typeof ttl !== 'number') return { caller, validMs: 0 };
  return { caller, validMs: expires === null ? Number.POSITIVE_INFINITY : ttl * 1_000 };
}

function readCaller(reply: unknown): Caller {
  const data = fieldsAt(reply, 'data');
  const caller = {
    entityId: optionalTextAt(data, 'entity_id'),
    accessor: optionalTextAt(data, 'accessor'),
    displayName: optionalTextAt(data, 'display_name'),
    policies: [...new Set([...textsAt(data, 'policies'), ...textsAt(data, 'identity_policies')])],
  };
  if (caller.entityId === '' && caller.accessor === '') throw anonymous(optionalTextAt(data, 'type'));
  return caller;
}

/** GoStint's text, which its clients look for. */
export function tokenRefused(): RefusedError {
  return new RefusedError('token_refused', 'token rejected by Vault (Code: 403)');
}

function anonymous(type: string): RefusedError {
  const kind = type === 'batch' ? 'a batch token' : 'a token';
  return new RefusedError(
    'token_refused',
    `Could not tell who is calling: the token is ${kind} without an entity and without an accessor. Use a service token.`,
  );
}
