// Looks up a job's wrapping token, checks where it was created, and unwraps the SecretID once.

import type { SeenWrappingToken, WrappingTokenFacts } from '../../executor/secrets.js';
import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { toVaultFailure, type VaultFailure, vaultReplyLost, vaultUnavailable } from '../client/errors.js';
import { isTokenShaped, pathOf } from '../client/path.js';
import { countAt, fieldsAt, optionalTextAt, ShapeError, textAt } from '../client/shape.js';
import { refuseStrangeTimes, type WrappingTokenCreation } from './plausible.js';
import {
  rewrapPath,
  wrappingTokenExpired,
  wrappingTokenHoldsNoSecretId,
  wrappingTokenNotOurs,
  wrappingTokenUnknown,
  wrappingTokenUsed,
} from './refusals.js';

/** Which wrapping tokens are accepted. */
export interface WrappingTokenRules {
  /** Mount of the AppRole method, without slashes at its ends. */
  readonly mount: string;
  readonly role: string;
  /** Also accept what the generic call `sys/wrapping/wrap` wrapped: the origin of its content is then unknown. */
  readonly acceptRewrapped: boolean;
}

/** A wrapping token, and what is needed to judge it. */
export interface WrappingTokenLookup {
  readonly token: Secret;
  readonly rules: WrappingTokenRules;
  /** From an earlier look-up: it distinguishes a used wrapping token from an unknown one. */
  readonly known: WrappingTokenFacts | undefined;
  /** The time at Vault, in milliseconds since 1970: its clock sets the expiry. */
  readonly now: () => number;
}

/**
 * Looks a wrapping token up, which neither spends it nor needs a right, and checks that it was created by our role's
 * path for SecretIDs, at a time that can be: the whole path is compared, because a part of it is easy to imitate.
 *
 * Throws `JobFailedError` `wrap_used`, `wrap_expired`, `wrap_unknown` or `wrap_not_ours`, or `BrokenError`.
 */
export async function lookUpWrappingToken(
  connection: VaultConnection,
  lookup: WrappingTokenLookup,
): Promise<SeenWrappingToken> {
  const { token, rules } = lookup;
  if (!isTokenShaped(token.reveal())) throw wrappingTokenUnknown();
  const found = await askToLookUp(connection, lookup);
  const isRewrapped = rules.acceptRewrapped && found.creationPath === rewrapPath;
  if (!isRewrapped && !isMadeByRole(found.creationPath, rules)) {
    throw wrappingTokenNotOurs(found.creationPath, `auth/${rules.mount}/role/${rules.role}/secret-id`);
  }
  refuseStrangeTimes(found, lookup.known, lookup.now());
  const expiresAt = found.createdAt + found.ttlMs;
  return { expiresAt, ttlMs: found.ttlMs, leftMs: expiresAt - lookup.now() };
}

/**
 * Where SecretIDs of a role are made: by Vault's choice, or with `custom-secret-id` by the client's. Vault knows a role by
 * its name in any case, and tells the path as the client wrote it.
 */
export function isMadeByRole(
  path: string,
  { mount, role }: Pick<WrappingTokenRules, 'mount' | 'role'>,
): boolean {
  const roles = `auth/${mount}/role/`;
  if (!path.startsWith(roles)) return false;
  const name = /^([^/]+)\/(?:custom-)?secret-id$/.exec(path.slice(roles.length))?.[1];
  return name?.toLowerCase() === role.toLowerCase();
}

async function askToLookUp(
  connection: VaultConnection,
  lookup: WrappingTokenLookup,
): Promise<WrappingTokenCreation> {
  const body = { token: lookup.token.reveal() };
  try {
    return await connection
      .client()
      .ask({ method: 'POST', path: pathOf('sys/wrapping/lookup'), body }, readCreation);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (isRefusal(failure)) throw wrappingTokenGone(lookup.known, lookup.now());
    throw vaultUnavailable('look up the wrapped SecretID of this job', failure);
  }
}

/** True for an answer about this wrapping token. A 404 is not one: it may mean that we use the wrong namespace. */
function isRefusal(failure: VaultFailure): boolean {
  return !failure.isUnavailable && failure.kind !== 'missing';
}

function readCreation(reply: unknown): WrappingTokenCreation {
  const data = fieldsAt(reply, 'data');
  const createdAt = Date.parse(textAt(data, 'creation_time'));
  const ttlMs = countAt(data, 'creation_ttl') * 1000;
  if (Number.isNaN(createdAt)) throw new ShapeError('Expected a creation time.');
  return { creationPath: textAt(data, 'creation_path'), createdAt, ttlMs };
}

/** One that is gone this close to its expiry counts as expired, to avoid a false alarm: Vault's time is known to a second. */
const clockMarginMs = { least: 1_000, most: 5_000 } as const;

/** Why a wrapping token is gone. Vault does not say; the time and an earlier look-up may. */
export function wrappingTokenGone(known: WrappingTokenFacts | undefined, now: number): Error {
  if (known === undefined) return wrappingTokenUnknown();
  const margin = Math.max(clockMarginMs.least, Math.min(clockMarginMs.most, known.ttlMs / 4));
  return now < known.expiresAt - margin
    ? wrappingTokenUsed(known.expiresAt)
    : wrappingTokenExpired(known.expiresAt);
}

export interface OpenedSecretId {
  readonly secretId: Secret;
  /** Needed to destroy the SecretID; empty when the SecretID was wrapped again. */
  readonly accessor: string;
}

/**
 * Unwraps the SecretID: once, never repeated. Call it only right after a look-up. The wrapping token is sent in the
 * header only: if the body named it too, Vault would count two uses and destroy it.
 *
 * Throws `BrokenError` only when the wrapping token is certainly unused, else `JobFailedError`.
 */
export async function unwrapSecretId(
  connection: VaultConnection,
  lookup: WrappingTokenLookup,
): Promise<OpenedSecretId> {
  const reply = await askToUnwrap(connection, lookup);
  try {
    const data = fieldsAt(reply, 'data');
    const secretId = new Secret(textAt(data, 'secret_id'));
    return { secretId, accessor: optionalTextAt(data, 'secret_id_accessor') };
  } catch {
    throw wrappingTokenHoldsNoSecretId(); // Only a `ShapeError` can be thrown above, and this error says more.
  }
}

async function askToUnwrap(connection: VaultConnection, lookup: WrappingTokenLookup): Promise<unknown> {
  const action = 'open the wrapped SecretID of this job';
  try {
    return await connection
      .client(lookup.token)
      .ask({ method: 'POST', path: pathOf('sys/wrapping/unwrap') }, (reply) => reply);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.mayBeDone) throw vaultReplyLost(action, failure);
    if (!isRefusal(failure)) throw vaultUnavailable(action, failure);
    throw wrappingTokenGone(lookup.known, lookup.now());
  }
}
