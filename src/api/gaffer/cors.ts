// Lets pages of allowed origins call gaffer's door.

import type { ApiMiddleware } from '../request/env.js';

const methods = 'GET, HEAD, POST, PUT, DELETE, OPTIONS';
const headers = 'Authorization, Content-Type, Idempotency-Key, X-Api-Key, X-Auth-Token, X-Vault-Token';

/** A preflight carries no token, so it is answered before one is asked for. Other origins are told nothing. */
export function allowOrigins(origins: readonly string[]): ApiMiddleware {
  return async (c, next) => {
    const origin = c.req.header('origin') ?? '';
    const isAllowed = origins.includes(origin);
    if (origins.length > 0) c.header('vary', 'Origin');
    if (isAllowed) {
      c.header('access-control-allow-origin', origin);
      c.header('access-control-expose-headers', 'X-Api-Key, X-Request-Id, X-Stint-Job');
    }
    if (c.req.method !== 'OPTIONS') return next();
    if (isAllowed) {
      c.header('access-control-allow-methods', methods);
      c.header('access-control-allow-headers', headers);
    }
    return c.body(null, 204);
  };
}
