// Authenticates a request by its Vault token, and decides which jobs the caller may see.

import { RefusedError } from '../../job/errors.js';
import type { Door } from '../../job/job.js';
import { type Caller, ownerOf, type Reach } from '../../job/owner.js';
import type { Rights } from '../../job/rights/rights.js';
import { CallerRights, type RightsParts } from '../../queue/rights/caller-rights.js';
import { sourceOf } from '../http/address.js';
import type { AppParts } from '../parts.js';
import type { ApiContext, ApiMiddleware } from './env.js';
import { serviceTokenOf } from './service-token.js';

const bearer = /^bearer +(.+)$/i;

interface CallerOptions {
  readonly mayRemember?: boolean;
  /** Whose service token may stand for a missing one; undefined: none's. */
  readonly door?: Door;
  /** Further headers that may hold the token, looked at last. */
  readonly alsoIn?: readonly string[];
}

/**
 * Refuses a request without a token that Vault accepts, and sets `caller`. It runs before path and body are read.
 * `identify` decides how long an answer of Vault is cached. So many requests of one caller are in work at once. At its door a caller without a token may have the service token.
 */
export function requireCaller(
  parts: Pick<AppParts, 'identify' | 'serviceToken' | 'callerTurns'> & RightsParts,
  { mayRemember = false, door, alsoIn = [] }: CallerOptions = {},
): ApiMiddleware {
  return async (c, next) => {
    const own = findToken((name) => c.req.header(name), alsoIn);
    const token = own ?? (door && serviceTokenOf(c, door, parts.serviceToken));
    if (token === undefined) throw new RefusedError('token_missing', 'Missing X-Auth-Token');
    const caller = await parts.identify(token, mayRemember, sourceOf(c));
    c.set('caller', caller);
    c.set('rights', new CallerRights(parts, { caller, token }, true));
    await parts.callerTurns.take(ownerOf(caller).key, next);
  };
}

/** The token of the first header that holds one; an empty header counts as none. */
export function findToken(
  header: (name: string) => string | undefined,
  alsoIn: readonly string[] = [],
): string | undefined {
  const token = header('x-auth-token') || header('x-vault-token');
  const others = alsoIn.map(header).find((other) => other !== undefined && other !== '');
  return (token || bearer.exec(header('authorization') ?? '')?.[1]) ?? others;
}

/** Whose jobs the caller of a request may see and touch. */
export function reachOf(c: ApiContext, access: AppParts['access']): Reach {
  return reachWith(c.get('caller'), c.get('rights'), access);
}

export function reachWith(caller: Caller, rights: Rights, access: AppParts['access']): Reach {
  if (access === 'shared') return { everyone: true, rights };
  return { everyone: false, ownerKey: ownerOf(caller).key, rights };
}
