// Builds the errors for wrapping tokens and SecretIDs that cannot be used, with security alerts.

import { JobFailedError } from '../../job/errors.js';

const alert = 'POSSIBLE SECURITY/INTERCEPTION ALERT';
const action = 'Could not open the wrapped SecretID of this job';

/** It was valid before and is gone before its expiry: somebody opened it. */
export function wrappingTokenUsed(expiresAt: number): JobFailedError {
  return refused(
    'wrap_used',
    `${action}: it was valid until ${timeOf(expiresAt)}, but it has been used before its time. ${alert}: somebody else ` +
      "may have opened it. Find out who from Vault's audit log, destroy the SecretIDs of the role, and submit the " +
      'job again with a new one.',
    { alarm: true },
  );
}

export function wrappingTokenExpired(expiresAt: number): JobFailedError {
  return refused(
    'wrap_expired',
    `${action}: it expired at ${timeOf(expiresAt)}, before the job's turn came. Submit the job again, and give the ` +
      `wrapping token more time (\`X-Vault-Wrap-TTL\`). ${alert}: whether somebody opened it before its expiry, only ` +
      "Vault's audit log shows.",
  );
}

/** A look-up alone does not distinguish these three cases. */
export function wrappingTokenUnknown(): JobFailedError {
  return refused(
    'wrap_unknown',
    `${action}: Vault does not know it, so it expired, was used already, or never existed. ${alert}: if it was fresh, ` +
      'somebody else may have opened it. Submit the job again with a new one.',
  );
}

/** `creationPath` is where it was created, `expected` where it should have been. */
export function wrappingTokenNotOurs(creationPath: string, expected: string): JobFailedError {
  const rewrapped = creationPath === rewrapPath;
  const remedy = rewrapped
    ? "If your clients wrap SecretIDs that way, as GoStint's web page does, set STINT_ACCEPT_REWRAPPED=true."
    : 'Let the client create its SecretID wrapped, at that path.';
  return refused(
    'wrap_not_ours',
    `${action}: it was created by ${quotePath(creationPath)}, and only \`${expected}\` is accepted. It was not opened. ` +
      `${alert}: somebody may have replaced it. ${remedy}`,
    { alarm: true },
  );
}

/** Its path is ours, its times cannot be. `why` is a sentence without its end. */
export function wrappingTokenStrange(why: string): JobFailedError {
  return refused(
    'wrap_not_ours',
    `${action}: ${why}. It was not opened. ${alert}: somebody may have replaced it, or something else than Vault ` +
      'answers at VAULT_ADDR. Check that address, then submit the job again with a new one.',
    { alarm: true },
  );
}

/** Known only after the unwrap: the path was accepted, but the content is something else. */
export function wrappingTokenHoldsNoSecretId(): JobFailedError {
  return refused(
    'wrap_not_ours',
    `${action}: there is no \`secret_id\` in it. ${alert}: somebody may have replaced it. Submit the job again with a ` +
      'new one.',
    { alarm: true },
  );
}

/** Vault refused the login with a SecretID that was just unwrapped. */
export function loginRefused(role: string): JobFailedError {
  return refused(
    'login_refused',
    `Could not log in to Vault with the SecretID of this job: Vault refused it for the role "${role}". ${alert}: ` +
      'somebody may have used or destroyed it. Check that STINT_APPROLE_ID and STINT_APPROLE_NAME are of one role, and ' +
      "the role's limits (`secret_id_bound_cidrs`, `secret_id_ttl`).",
  );
}

/** A batch token has no accessor, so it could not be revoked at the end. */
export function batchToken(role: string): JobFailedError {
  return refused(
    'batch_token',
    `Could not use the token of this job: the role "${role}" gives batch tokens, which cannot be revoked. Set its ` +
      '`token_type` to `service`.',
  );
}

/** The generic wrapping call, which wraps whatever it is given. */
export const rewrapPath = 'sys/wrapping/wrap';

function refused(code: string, message: string, options: { alarm?: boolean } = {}): JobFailedError {
  return new JobFailedError('auth_refused', code, message, options);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Whoever created the wrapping token chose its path: it is shown in part, without characters that could break a line. */
function quotePath(path: string): string {
  const shown = path.slice(0, 120).replaceAll(/[^\w/.~:@+=,-]/g, '?');
  return `\`${shown}${path.length > 120 ? '…' : ''}\``;
}
