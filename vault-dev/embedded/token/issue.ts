// Describes tokens in the JSON that Vault answers logins and look-ups with.

import type { Fields, Reply } from '../http/reply.js';
import type { Token } from './tokens.js';

/** The answer that hands out a new or a renewed token. */
export function issued(token: Token, warnings: readonly string[] = []): Reply {
  return {
    data: null,
    warnings,
    wrappedAccessor: token.accessor,
    auth: {
      client_token: token.id,
      accessor: token.accessor,
      policies: token.policies,
      ...(token.policies.length === 0 ? {} : { token_policies: token.policies }),
      metadata: token.meta,
      lease_duration: token.grantedSeconds,
      renewable: isRenewable(token),
      entity_id: token.entityId,
      token_type: token.type,
      orphan: token.parentId === '',
      mfa_requirement: null,
      num_uses: token.numUses,
    },
  };
}

/** Shown as the number of uses to a token's last request; for all others the token has ended. */
const spent = -1;

/** The answer to a look-up of a token. */
export function describe(token: Token): Fields {
  const { expiresAt, life, createdAt } = token;
  const isForever = expiresAt === Number.POSITIVE_INFINITY;
  return {
    accessor: token.accessor,
    creation_time: Math.floor(createdAt / 1000),
    creation_ttl: life.period > 0 ? life.period : Math.floor(life.ttl),
    display_name: token.displayName,
    entity_id: token.entityId,
    expire_time: isForever ? null : new Date(expiresAt).toISOString(),
    explicit_max_ttl: life.explicitMaxTtl,
    id: token.id,
    issue_time: new Date(createdAt).toISOString(),
    meta: token.meta,
    num_uses: token.numUses > 0 && token.usesLeft === 0 ? spent : token.usesLeft,
    orphan: token.parentId === '',
    path: token.path,
    policies: token.policies,
    ...(life.period > 0 ? { period: life.period } : {}),
    renewable: isRenewable(token),
    ttl: isForever ? 0 : Math.max(0, Math.floor((expiresAt - Date.now()) / 1000)),
    type: token.type,
    ...(token.renewedAt === undefined ? {} : renewalTimes(token.renewedAt)),
  };
}

function renewalTimes(at: number): Fields {
  return { last_renewal: new Date(at).toISOString(), last_renewal_time: Math.floor(at / 1000) };
}

/** Root tokens never expire, and batch tokens cannot be extended. */
export function isRenewable(token: Token): boolean {
  return token.renewable && token.type === 'service' && token.life.ttl > 0;
}
