// Finds out from Vault who holds the token of an API request.

import { RefusedError } from '../../job/errors.js';
import type { Caller, IdentifyCaller } from '../../job/owner.js';
import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { toVaultFailure, vaultUnavailable } from '../client/errors.js';
import { isTokenShaped, pathOf } from '../client/path.js';
import { fieldsAt, optionalTextAt, textsAt } from '../client/shape.js';
import { KeyedMemory } from './keyed-memory.js';

export interface CallerOptions {
  /**
   * How long an answer is reused without asking Vault again. 0, the default, asks each time; more means that a
   * revoked token is accepted for that much longer. At most 10 seconds.
   */
  readonly cacheMs?: number;
}

const longestCacheMs = 10_000;

/**
 * Asks Vault who holds a token: one look-up per call, which spends exactly one use of a token of limited uses. A text
 * that cannot be a token is refused without asking. Rules: root tokens are accepted and have no entity; batch tokens are
 * accepted only with an entity, because without one they cannot be told apart.
 *
 * Throws `RefusedError` `token_refused`, or `BrokenError` `vault_unavailable`.
 */
export function createIdentifyCaller(
  connection: VaultConnection,
  options: CallerOptions = {},
): IdentifyCaller {
  const cacheMs = Math.min(options.cacheMs ?? 0, longestCacheMs);
  const known = new KeyedMemory<Caller>();
  return async (text) => {
    if (!isTokenShaped(text)) throw tokenRefused();
    const token = new Secret(text);
    const cached = cacheMs > 0 ? known.get(token) : undefined;
    if (cached !== undefined) return cached;
    const caller = await lookUpSelf(connection, token);
    if (cacheMs > 0) known.set(token, caller, cacheMs);
    return caller;
  };
}

async function lookUpSelf(connection: VaultConnection, token: Secret): Promise<Caller> {
  try {
    return await connection
      .client(token)
      .ask({ method: 'GET', path: pathOf('auth/token/lookup-self') }, readCaller);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.kind === 'denied' || failure.hint === 'token_gone') throw tokenRefused();
    throw vaultUnavailable("check the caller's token", failure);
  }
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
function tokenRefused(): RefusedError {
  return new RefusedError('token_refused', 'token rejected by Vault (Code: 403)');
}

function anonymous(type: string): RefusedError {
  const kind = type === 'batch' ? 'a batch token' : 'a token';
  return new RefusedError(
    'token_refused',
    `Could not tell who is calling: the token is ${kind} without an entity and without an accessor. Use a service token.`,
  );
}
