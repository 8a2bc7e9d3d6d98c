// Judges the times that a look-up tells of a wrapping token.
import type { WrappingTokenFacts } from '../../executor/secrets.js';
import { wrappingTokenExpired, wrappingTokenStrange } from './refusals.js';

/** Where and when a wrapping token was created, as Vault tells it. Milliseconds. */
export interface WrappingTokenCreation {
  readonly creationPath: string;
  readonly createdAt: number;
  readonly ttlMs: number;
}

/** Nodes of one Vault may differ by this: the one that created the token and the one that answers. */
const clocksDifferMs = 60_000;

/**
 * Throws where no wrapping token of ours can have these times: then something else is in its place, or something else
 * than Vault answers. Vault may be slow to remove what has expired, so that is no alarm.
 */
export function refuseStrangeTimes(
  { createdAt, ttlMs }: WrappingTokenCreation,
  known: WrappingTokenFacts | undefined,
  now: number,
): void {
  const expiresAt = createdAt + ttlMs;
  if (ttlMs === 0) throw wrappingTokenStrange('it has no time to live');
  if (createdAt > now + clocksDifferMs) throw wrappingTokenStrange('it was created in the future');
  if (known !== undefined && (known.ttlMs !== ttlMs || known.expiresAt !== expiresAt))
    throw wrappingTokenStrange('an earlier look-up told other times of it');
  if (expiresAt < now - clocksDifferMs) throw wrappingTokenExpired(expiresAt);
}
