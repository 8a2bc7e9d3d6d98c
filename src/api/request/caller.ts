// Authenticates a request by its Vault token, and decides which jobs the caller may see.

import { RefusedError } from '../../job/errors.js';
import { type Caller, ownerOf, type Reach } from '../../job/owner.js';
import type { AppParts } from '../parts.js';
import type { ApiMiddleware } from './env.js';

const bearer = /^bearer +(.+)$/i;

/**
 * Refuses a request without a token that Vault accepts, and sets `caller`. It runs before path and body are read.
 * `identify` decides how long an answer of Vault is cached.
 */
export function requireCaller(
  { identify }: Pick<AppParts, 'identify'>,
  { mayRemember = false } = {},
): ApiMiddleware {
  return async (c, next) => {
    const token = findToken((name) => c.req.header(name));
    if (token === undefined) throw new RefusedError('token_missing', 'Missing X-Auth-Token');
    c.set('caller', await identify(token, mayRemember));
    await next();
  };
}

/** The token of the first header that holds one; an empty header counts as none. */
export function findToken(header: (name: string) => string | undefined): string | undefined {
  const token = header('x-auth-token') || header('x-vault-token');
  return token || bearer.exec(header('authorization') ?? '')?.[1];
}

/** Whose jobs a caller may see and touch. */
export function reachOf(caller: Caller, access: AppParts['access']): Reach {
  return access === 'shared' ? { everyone: true } : { everyone: false, ownerKey: ownerOf(caller).key };
}
