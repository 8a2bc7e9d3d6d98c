// Looks a token up that another process or job has made.

import { setTimeout as delay } from 'node:timers/promises';
import type { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { toVaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { countAt, fieldsAt, optionalTextAt, textsAt } from '../client/shape.js';
import type { IssuedToken } from './login.js';

/** How long to wait before Vault is asked again, while it is unavailable. */
const pauseMs = 5_000;

/** Until Vault answers. Undefined when the token is not valid, or when nobody waits any more. Each answer costs one use of it. */
export async function lookUpToken(
  connection: VaultConnection,
  token: Secret,
  closed: AbortSignal,
): Promise<IssuedToken | undefined> {
  const client = connection.client(token);
  while (!closed.aborted) {
    try {
      return await client.ask({ method: 'GET', path: pathOf('auth/token/lookup-self') }, (reply) =>
        readTokenFacts(token, reply),
      );
    } catch (error) {
      if (!toVaultFailure(error).isUnavailable) return undefined;
    }
    await delay(pauseMs, undefined, { signal: closed, ref: false }).catch(() => undefined);
  }
  return undefined;
}

/** The look-up reports the uses that are left after it, 0 for no limit. */
function readTokenFacts(token: Secret, reply: unknown): IssuedToken {
  const data = fieldsAt(reply, 'data');
  return {
    token,
    accessor: optionalTextAt(data, 'accessor'),
    ttlMs: countAt(data, 'ttl') * 1000,
    renewable: data.renewable === true,
    uses: countAt(data, 'num_uses'),
    policies: textsAt(data, 'policies'),
  };
}
