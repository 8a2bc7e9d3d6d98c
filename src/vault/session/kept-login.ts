// Renews a login that outlives the session that made it: one request for its token, and one for each lease.

import type { KeptLogin, LoginTerms } from '../../executor/secrets.js';
import type { VaultRequest } from '../client/client.js';
import { toVaultFailure, vaultUnavailable } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { fieldsAt } from '../client/shape.js';
import { readGrant } from './login.js';
import type { Grant } from './renewal.js';
import { renewalDelayMs } from './renewal.js';
import type { SessionParts } from './session.js';

type Parts = Pick<SessionParts, 'connection' | 'onFailure'>;

/** Vault counts in seconds. What it extends no further is renewed at ever shorter distances, and ends. */
const leastMs = 1_000;

/** Never often, however short Vault's time to live is. */
const leastRestMs = 1_000;

export async function renewLogin(parts: Parts, login: KeptLogin): Promise<LoginTerms> {
  const ofToken = await renewOne(parts, login, tokenRequest);
  if (ofToken === undefined) return never(parts, login);
  const ofLeases = await Promise.all(
    login.leases.map(async (id) => [id, await renewOne(parts, login, leaseRequest(id))] as const),
  );
  const alive = ofLeases.filter((entry): entry is [string, Grant] => entry[1] !== undefined);
  if (alive.length < ofLeases.length) report(parts, login, leaseOver);
  const dues = [ofToken, ...alive.map(([, grant]) => grant)].flatMap(dueInMs);
  return {
    leases: alive.map(([id]) => id),
    renewInMs: dues.length === 0 ? undefined : Math.max(leastRestMs, Math.min(...dues)),
  };
}

/** All leases end with their token. */
function never(parts: Parts, login: KeptLogin): LoginTerms {
  report(parts, login, tokenOver);
  return { leases: [], renewInMs: undefined };
}

/** Undefined: Vault extends it no further. Throws `BrokenError` while Vault is unavailable. */
async function renewOne(
  { connection }: Parts,
  { token }: KeptLogin,
  { request, shape }: Renewing,
): Promise<Grant | undefined> {
  try {
    const grant = await connection.client(token).ask(request, shape);
    return grant.renewable && grant.ttlMs < leastMs ? undefined : grant;
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.isUnavailable)
      throw vaultUnavailable('renew the login that the runs of a job share', failure);
    return undefined;
  }
}

interface Renewing {
  readonly request: VaultRequest;
  readonly shape: (reply: unknown) => Grant;
}

const tokenRequest: Renewing = {
  request: { method: 'POST', path: pathOf('auth/token/renew-self'), body: {} },
  shape: (reply) => readGrant(fieldsAt(reply, 'auth')),
};

function leaseRequest(id: string): Renewing {
  return {
    request: { method: 'POST', path: pathOf('sys/leases/renew'), body: { lease_id: id } },
    shape: (reply) => readGrant(fieldsAt({ reply }, 'reply')),
  };
}

function dueInMs({ renewable, ttlMs }: Grant): number[] {
  return renewable && ttlMs > 0 ? [renewalDelayMs(ttlMs, Math.random)] : [];
}

const tokenOver = {
  code: 'token_not_renewed',
  message: 'Could not renew the login that the runs of a job share: Vault extends it no further.',
} as const;

const leaseOver = {
  code: 'lease_not_renewed',
  message: 'Could not renew a leased secret that the runs of a job share: Vault extends it no further.',
} as const;

function report(
  { onFailure }: Parts,
  { accessor }: KeptLogin,
  what: typeof tokenOver | typeof leaseOver,
): void {
  onFailure({ ...what, accessor });
}
