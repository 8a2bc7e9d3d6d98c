import type { SeenWrappingToken, WrappingTokenFacts } from '../../executor/secrets.js';
import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { toVaultFailure, type VaultFailure, vaultReplyLost, vaultUnavailable } from '../client/errors.js';
import { isTokenShaped, pathOf } from '../client/path.js';
import { countAt, fieldsAt, optionalTextAt, ShapeError, textAt } from '../client/shape.js';
import {
  rewrapPath,
  wrappingTokenExpired,
  wrappingTokenHoldsNoSecretId,
  wrappingTokenNotOurs,
  wrappingTokenUnknown,
  wrappingTokenUsed,
} from './refusals.js';

/** Which wraps are accepted. */
export interface WrappingTokenRules {
  /** Mount of the AppRole method, without slashes at its ends. */
  readonly mount: string;
  readonly role: string;
  /** Accept what the generic call wrapped as well: its content's origin is then unknown. */
  readonly acceptRewrapped: boolean;
}

/** A wrap to be looked at. */
export interface WrappingTokenLookup {
  readonly token: Secret;
  readonly rules: WrappingTokenRules;
  /** From an earlier look: it tells a used wrap from an unknown one. */
  readonly known: WrappingTokenFacts | undefined;
  /** Vault's time, which dates the wrap. */
  readonly now: () => number;
}

/**
 * Looks a wrapping token up, which neither spends it nor needs a right, and checks that it was made where our
 * SecretIDs are made: the whole path is compared, because a part of it is easily imitated.
 *
 * Throws `JobFailedError` `wrap_used`, `wrap_expired`, `wrap_unknown` or `wrap_not_ours`, or `BrokenError`.
 */
export async function lookUpWrappingToken(
  connection: VaultConnection,
  question: WrappingTokenLookup,
): Promise<SeenWrappingToken> {
  const { token, rules } = question;
  if (!isTokenShaped(token.reveal())) throw wrappingTokenUnknown();
  const found = await askAboutWrap(connection, question);
  const expected = `auth/${rules.mount}/role/${rules.role}/secret-id`;
  const accepted = rules.acceptRewrapped ? [expected, rewrapPath] : [expected];
  if (!accepted.includes(found.creationPath)) throw wrappingTokenNotOurs(found.creationPath, expected);
  const expiresAt = found.createdAt + found.ttlMs;
  return { expiresAt, ttlMs: found.ttlMs, leftMs: expiresAt - question.now() };
}

async function askAboutWrap(
  connection: VaultConnection,
  question: WrappingTokenLookup,
): Promise<CreatedWrap> {
  const body = { token: question.token.reveal() };
  try {
    return await connection
      .client()
      .ask({ method: 'POST', path: pathOf('sys/wrapping/lookup'), body }, readCreation);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (isRefusal(failure)) throw wrappingTokenGone(question.known, question.now());
    throw vaultUnavailable('look up the wrapped SecretID of this job', failure);
  }
}

/** An answer about this wrap. A 404 is none: it says that we are in the wrong namespace, for one. */
function isRefusal(failure: VaultFailure): boolean {
  return failure.hint === 'wrap_gone' || (!failure.isAway && failure.kind !== 'missing');
}

interface CreatedWrap {
  readonly creationPath: string;
  readonly createdAt: number;
  readonly ttlMs: number;
}

function readCreation(reply: unknown): CreatedWrap {
  const data = fieldsAt(reply, 'data');
  const createdAt = Date.parse(textAt(data, 'creation_time'));
  const ttlMs = countAt(data, 'creation_ttl') * 1000;
  if (Number.isNaN(createdAt) || ttlMs === 0)
    throw new ShapeError('Expected a creation time and a life time.');
  return { creationPath: textAt(data, 'creation_path'), createdAt, ttlMs };
}

/** What ends so near to its time is taken for expired, to raise no false alarm: we know Vault's time to a second. */
const clockMarginMs = { least: 1_000, most: 5_000 } as const;

/** Why a wrap is gone: what Vault does not say, time and an earlier look may. */
export function wrappingTokenGone(known: WrappingTokenFacts | undefined, now: number): Error {
  if (known === undefined) return wrappingTokenUnknown();
  const margin = Math.max(clockMarginMs.least, Math.min(clockMarginMs.most, known.ttlMs / 4));
  return now < known.expiresAt - margin
    ? wrappingTokenUsed(known.expiresAt)
    : wrappingTokenExpired(known.expiresAt);
}

export interface OpenedSecretId {
  readonly secretId: Secret;
  /** With it the SecretID can be destroyed; empty when it came from a re-wrap. */
  readonly accessor: string;
}

/**
 * Opens the wrap: once and never again. Only to be called right after a look-up. The wrapping token goes into the
 * header and nowhere else: named in the body too, it would count as used twice and be destroyed.
 *
 * Throws `BrokenError` only when the wrap is surely still whole, else `JobFailedError`.
 */
export async function unwrapSecretId(
  connection: VaultConnection,
  question: WrappingTokenLookup,
): Promise<OpenedSecretId> {
  const reply = await askToUnwrap(connection, question);
  try {
    const data = fieldsAt(reply, 'data');
    const secretId = new Secret(textAt(data, 'secret_id'));
    return { secretId, accessor: optionalTextAt(data, 'secret_id_accessor') };
  } catch {
    throw wrappingTokenHoldsNoSecretId(); // The only thing thrown above is a shape, and this says it better.
  }
}

async function askToUnwrap(connection: VaultConnection, question: WrappingTokenLookup): Promise<unknown> {
  const action = 'open the wrapped SecretID of this job';
  try {
    return await connection
      .client(question.token)
      .ask({ method: 'POST', path: pathOf('sys/wrapping/unwrap') }, (reply) => reply);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.mayBeDone) throw vaultReplyLost(action, failure);
    if (!isRefusal(failure)) throw vaultUnavailable(action, failure);
    throw wrappingTokenGone(question.known, question.now());
  }
}
