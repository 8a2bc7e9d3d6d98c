// Fetches the encrypted payload of a job from a cubbyhole and decrypts it with the transit engine.

import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BrokenError, JobFailedError, RefusedError } from '../../job/errors.js';
import type { Ciphertext } from '../../job/job.js';
import { isCiphertext } from '../../job/payload/ciphertext.js';
import type { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { jobLostVault, toVaultFailure, type VaultFailure, vaultUnavailable } from '../client/errors.js';
import { encodePath, isTokenShaped, pathOf } from '../client/path.js';
import { type Fields, fieldsAt, isFields, textAt } from '../client/shape.js';
import type { JobToken } from './job-token.js';

/** A payload holds a job's content as base64 in JSON, and base64 again when encrypted: Vault accepts 32 MiB by default. */
const payloadLimitBytes = 96 * 1024 * 1024;

const alert = 'POSSIBLE SECURITY/INTERCEPTION ALERT';

/**
 * Reads the ciphertext that a client stored in a cubbyhole: one request, never repeated, because the token has one use
 * only. Not retryable when the answer was lost: the token is spent then.
 *
 * Throws `RefusedError` `invalid_request` for a path that is not a plain one below `cubbyhole/`, `cubbyhole_unreadable`
 * when this token gives no payload, `BrokenError` `vault_unavailable` or `vault_reply_lost`.
 */
export async function readCubbyhole(
  connection: VaultConnection,
  source: { token: Secret; path: string },
): Promise<Ciphertext> {
  const path = cubbyholePath(source.path);
  if (!isTokenShaped(source.token.reveal())) throw unreadable('its token cannot be one');
  const reply = await ask(connection, source.token, path);
  const payload = isFields(reply) && isFields(reply.data) ? reply.data.payload : undefined;
  if (payload instanceof Uint8Array || (typeof payload === 'string' && payload !== '')) return payload;
  throw unreadable('there is no `payload` in it');
}

/** The path is not quoted: a client that mixes up its fields may have put the token there. */
function cubbyholePath(path: string): string {
  const encoded = path.startsWith('cubbyhole/') ? encodePath(path) : undefined;
  if (encoded !== undefined) return encoded;
  throw new RefusedError(
    'invalid_request',
    'Expected `cubby_path` to be `cubbyhole/` and a plain name, such as `cubbyhole/job`, got something else.',
  );
}

async function ask(connection: VaultConnection, token: Secret, path: string): Promise<unknown> {
  try {
    return await connection
      .client(token)
      .ask({ method: 'GET', path, limitBytes: payloadLimitBytes, longAsBytes: true }, (reply) => reply);
  } catch (error) {
    const failure = toVaultFailure(error);
    if (!failure.isUnavailable)
      throw unreadable(`Vault ${failure.kind === 'missing' ? 'holds nothing there' : 'refuses its token'}`);
    throw unavailable(failure);
  }
}

function unreadable(why: string): RefusedError {
  return new RefusedError(
    'cubbyhole_unreadable',
    `Could not read the payload of this job from its cubbyhole: ${why}. ${alert}: somebody else may have read it. ` +
      'Submit the job again with a new token and a new payload.',
  );
}

function unavailable(failure: VaultFailure): BrokenError {
  const { message } = vaultUnavailable('read the payload of this job from its cubbyhole', failure);
  if (!failure.mayBeDone) return new BrokenError('vault_unavailable', message, { cause: failure });
  const spent = `${message} The token may be spent nevertheless, by us or by somebody else: submit the job again with a new one.`;
  return new BrokenError('vault_reply_lost', spent, { cause: failure, retryable: false });
}

/** Refuses what is not a transit ciphertext, before a credential is spent on it. Throws `JobFailedError` `ciphertext_invalid`. */
export async function checkCiphertext(ciphertext: Ciphertext): Promise<void> {
  if (await isCiphertext(ciphertext)) return;
  throw refused(
    'ciphertext_invalid',
    'Expected the payload to be a ciphertext of the transit engine, `vault:v…:` and base64, got something else.',
  );
}

/** Far less than a millisecond of work, and a multiple of 4. */
const pieceBytes = 64 * 1024;

function viewOf(text: Ciphertext): Buffer {
  return typeof text === 'string'
    ? Buffer.from(text)
    : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
}

export interface TransitKey {
  readonly mount: string;
  readonly key: string;
}

/** Decrypts a ciphertext with the job's own token. Throws `JobFailedError`. */
export async function decryptPayload(
  token: JobToken,
  transit: TransitKey,
  ciphertext: Ciphertext,
): Promise<string | Uint8Array> {
  const path = pathOf(transit.mount, 'decrypt', transit.key);
  const limits = { limitBytes: payloadLimitBytes, longAsBytes: true };
  const request = { method: 'POST', path, body: { ciphertext }, ...limits } as const;
  try {
    return await decode(await token.ask(request, (reply) => plaintextIn(fieldsAt(reply, 'data'))));
  } catch (error) {
    if (error instanceof JobFailedError) throw error;
    throw decryptFailed(path, toVaultFailure(error));
  }
}

function plaintextIn(data: Fields): string | Uint8Array {
  return data.plaintext instanceof Uint8Array ? data.plaintext : textAt(data, 'plaintext');
}

/** A long one is decoded where it stands, and stays bytes. */
async function decode(base64: string | Uint8Array): Promise<string | Uint8Array> {
  const bytes =
    typeof base64 === 'string' ? Buffer.from(base64, 'base64') : await decodeInPlace(viewOf(base64));
  if (!isUtf8(bytes))
    throw refused('payload_not_text', 'Expected the payload to be JSON in UTF-8, got other bytes.');
  return typeof base64 === 'string' ? new TextDecoder('utf-8').decode(bytes) : bytes;
}

async function decodeInPlace(base64: Buffer): Promise<Buffer> {
  let size = 0;
  for (let at = 0; at < base64.length; at += pieceBytes) {
    const piece = base64.toString('latin1', at, Math.min(at + pieceBytes, base64.length));
    size += Buffer.from(piece, 'base64').copy(base64, size);
    await nextTurn();
  }
  return base64.subarray(0, size);
}

function decryptFailed(path: string, failure: VaultFailure): JobFailedError {
  const action = `decrypt the payload of this job with \`${path}\``;
  if (failure.isUnavailable) return jobLostVault(action, failure);
  if (failure.kind === 'denied')
    return refused(
      'permission_denied',
      `Could not ${action}: the job's token lacks the capability \`update\` there. Add to a policy of the job's role: ` +
        `path "${path}" { capabilities = ["update"] }`,
    );
  return refused(
    'decrypt_refused',
    `Could not ${action}: Vault did not accept the ciphertext. Check that it was encrypted with this key ` +
      '(STINT_TRANSIT_KEY, STINT_TRANSIT_MOUNT) and arrived whole.',
  );
}

function refused(code: string, message: string): JobFailedError {
  return new JobFailedError('payload_refused', code, message);
}
