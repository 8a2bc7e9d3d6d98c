import type { OnFailure } from '../client/background-failure.js';
import { toVaultFailure, type VaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import type { ServerIdentity } from '../server-login/server-identity.js';
import type { JobToken } from './job-token.js';

/** All tries together: a Vault that is away must not keep a job's slot occupied. */
const revokeWithinMs = 5_000;
const pauseMs = 400;

export interface Revoking {
  readonly server: ServerIdentity | undefined;
  readonly onFailure: OnFailure;
}

/**
 * Gives a job's token back, with everything it leased. True once Vault has confirmed that it is gone; false is told to
 * `onFailure`, and the token then lives until its time ends or somebody revokes it by its accessor. Never throws.
 */
export async function revokeToken(token: JobToken, { server, onFailure }: Revoking): Promise<boolean> {
  const failure = await revokeItself(token);
  if (failure === undefined) return true;
  if (isProofOfEnd(token, failure)) return true;
  const helper = failure.isAway ? undefined : server; // A Vault that is away is so for everybody.
  return await revokeByAccessor(token.accessor, { server: helper, onFailure }, failure.message);
}

/** The same for a token that is not known, or does not work. `why` is a sentence. */
export async function revokeByAccessor(
  accessor: string,
  { server, onFailure }: Revoking,
  why = 'It is not known to this process.',
): Promise<boolean> {
  const known = server === undefined ? 'unsure' : await server.revokeByAccessor(accessor);
  if (known !== 'unsure') return true;
  onFailure({
    code: 'token_not_revoked',
    message: `Could not revoke the token of a job: ${why} It ends with its time.`,
    accessor,
  });
  return false;
}

/** A repeat is harmless: a token that is gone is refused, and a refusal is weighed as such. */
async function revokeItself(token: JobToken): Promise<VaultFailure | undefined> {
  const deadline = performance.now() + revokeWithinMs;
  for (;;) {
    const timeoutMs = Math.max(1, deadline - performance.now());
    const failure = await tryOnce(token, timeoutMs);
    const isInTime = performance.now() + pauseMs < deadline;
    if (failure === undefined || !failure.isPassing || !isInTime) return failure;
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

/** A refusal alone is no proof: a token without the `default` policy may live on and not be allowed to end itself. */
function isProofOfEnd(token: JobToken, failure: VaultFailure): boolean {
  if (failure.isAway) return false;
  return (
    failure.hint === 'token_gone' || token.isOver || (failure.kind === 'denied' && token.mayRevokeItself)
  );
}
