// Revokes the token of a job at its end, and decides when a failure still proves that it is gone.

import type { OnFailure } from '../client/background-failure.js';
import { toVaultFailure, type VaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import type { ServerIdentity } from '../server-login/server-identity.js';
import type { JobToken } from './job-token.js';

/** Limit for all tries together: an unavailable Vault must not keep a job's slot occupied. */
const revokeWithinMs = 5_000;
const pauseMs = 400;

export interface Revoking {
  readonly server: ServerIdentity | undefined;
  readonly onFailure: OnFailure;
}

/**
 * Revokes a job's token, with everything it leased. True once Vault has confirmed that it is gone. False is reported to
 * `onFailure`; the token is then valid until it expires or is revoked by its accessor. Never throws.
 */
export async function revokeToken(token: JobToken, { server, onFailure }: Revoking): Promise<boolean> {
  const failure = await revokeSelf(token);
  if (failure === undefined) return true;
  if (isProofOfEnd(token, failure)) return true;
  const helper = failure.isUnavailable ? undefined : server; // An unavailable Vault would not answer the server either.
  return await revokeByAccessor(token.accessor, { server: helper, onFailure }, failure.message);
}

/** The same for a token that is not known, or cannot revoke itself. `why` is a sentence. */
export async function revokeByAccessor(
  accessor: string,
  { server, onFailure }: Revoking,
  why = 'It is not known to this process.',
): Promise<boolean> {
  const answer = server === undefined ? 'unsure' : await server.revokeByAccessor(accessor);
  if (answer !== 'unsure') return true;
  onFailure({
    code: 'token_not_revoked',
    message: `Could not revoke the token of a job: ${why} It is valid until it expires.`,
    accessor,
  });
  return false;
}

/** A repeat is harmless: a token that is gone is refused, and `isProofOfEnd` judges that refusal. */
async function revokeSelf(token: JobToken): Promise<VaultFailure | undefined> {
  const deadline = performance.now() + revokeWithinMs;
  for (;;) {
    const timeoutMs = Math.max(1, deadline - performance.now());
    const failure = await tryOnce(token, timeoutMs);
    const isInTime = performance.now() + pauseMs < deadline;
    if (failure === undefined || !failure.mayRecover || !isInTime) return failure;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function tryOnce(token: JobToken, timeoutMs: number): Promise<VaultFailure | undefined> {
  try {
    await token.client.ask(
      { method: 'POST', path: pathOf('auth/token/revoke-self'), timeoutMs },
      () => undefined,
    );
    return undefined;
  } catch (error) {
    return toVaultFailure(error);
  }
}

/** A refusal alone is no proof: a token without the `default` policy may be valid and lack the right to revoke itself. */
function isProofOfEnd(token: JobToken, failure: VaultFailure): boolean {
  if (failure.isUnavailable) return false;
  return (
    failure.hint === 'token_gone' || token.isOver || (failure.kind === 'denied' && token.mayRevokeItself)
  );
}
