// Sends the requests of the bootstrap to Vault and explains their failures.

import { setTimeout as delay } from 'node:timers/promises';
import { createTransport, TransportError, type TransportReply } from '../../src/vault/client/transport.js';

/** The address of a Vault and the token for it. `namespace`, `caPem` and `skipVerify` are as in the server's settings. */
export interface VaultAccess {
  /** As in `VAULT_ADDR`, without a slash at its end. */
  readonly address: string;
  readonly token: string;
  readonly namespace?: string | undefined;
  readonly caPem?: string | undefined;
  readonly skipVerify?: boolean | undefined;
}

/** Vault could not be prepared. The message says what was tried, what happened and how to fix it; it holds no secret. */
export class BootstrapError extends Error {
  override readonly name = 'BootstrapError';
}

/** Requests to Vault with the token of whoever sets it up. Disposing closes its connections. */
export interface VaultApi extends Disposable {
  /**
   * The fields under `data` or `auth`, or at the top; undefined for a 404. With a `question`, the request is
   * a POST with that body. Throws `BootstrapError`.
   */
  read(path: string, question?: object): Promise<Fields | undefined>;
  /** Returns what Vault answers, as `read` does. Throws `BootstrapError`. */
  write(path: string, body: object): Promise<Fields | undefined>;
}

export type Fields = Readonly<Record<string, unknown>>;

const answerLimitMs = 10_000;
const answerLimitBytes = 4 * 1024 * 1024;

/** Opens no connection yet. */
export function connect(access: VaultAccess): VaultApi {
  const { address, token, namespace, caPem, skipVerify = false } = access;
  const transport = createTransport({ address, caPem, skipVerify, timeoutMs: answerLimitMs });
  const headers = {
    'X-Vault-Token': token,
    ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }),
  };
  const ask = async (method: 'GET' | 'POST', path: string, body?: object): Promise<TransportReply> => {
    const request = { method, uri: `${address}/v1/${path}`, headers, ...(body && { json: body }) };
    try {
      return await transport.send({ ...request, limitBytes: answerLimitBytes, timeoutMs: answerLimitMs });
    } catch (error) {
      throw unreachable(address, error);
    }
  };
  return {
    read: async (path, question) => {
      const reply = await ask(question === undefined ? 'GET' : 'POST', path, question);
      return reply.statusCode === 404 ? undefined : fieldsOf(reply, `read \`${path}\``);
    },
    write: async (path, body) => fieldsOf(await ask('POST', path, body), `write \`${path}\``),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

function fieldsOf({ statusCode, body }: TransportReply, action: string): Fields | undefined {
  if (statusCode >= 300) throw refused(statusCode, body, action);
  if (!isFields(body)) return undefined;
  const found = [body.auth, body.data].find(isFields);
  return found ?? body;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text of a field that Vault promises. */
export function textOf(fields: Fields | undefined, name: string): string {
  const found = fields?.[name];
  if (typeof found === 'string' && found !== '') return found;
  throw new BootstrapError(
    `Could not understand Vault: expected \`${name}\` in its answer to be a text, got none. Check that VAULT_ADDR ` +
      'leads to a Vault or an OpenBao.',
  );
}

/** Here a 403 can only be about the token, because the requests are always the same. */
function refused(status: number, body: unknown, action: string): BootstrapError {
  if (status === 403)
    return new BootstrapError(
      `Could not ${action}: Vault refused the token. Set VAULT_TOKEN to a root token, or to one whose policies allow ` +
        'mounting engines and writing policies and roles.',
    );
  if (status === 503)
    return new BootstrapError(`Could not ${action}: Vault is sealed. Unseal it and try again.`);
  return new BootstrapError(`Could not ${action}: Vault answered ${status}${errorTextOf(body)}`);
}

/** Quotes Vault's error texts. The server never does that; here no secret was sent that they could repeat. */
function errorTextOf(body: unknown): string {
  const errors = isFields(body) && Array.isArray(body.errors) ? body.errors.map(String) : [];
  return errors.length === 0 ? '.' : `: ${errors.join('; ').trim()}`;
}

function unreachable(address: string, error: unknown): Error {
  if (!(error instanceof TransportError)) return error as Error;
  const why = error.code === undefined ? error.kind : `${error.kind}, ${error.code}`;
  return new BootstrapError(
    `Could not reach Vault at ${address}: ${why}. Start it, or set VAULT_ADDR to where it is` +
      (address.startsWith('https:')
        ? ' and VAULT_CACERT to the authority that signed its certificate.'
        : '.'),
  );
}

/** Polls until it is true, for what takes Vault a moment. `what` is for the error text. */
export async function untilTrue(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + answerLimitMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new BootstrapError(`Could not wait any longer for ${what}.`);
    await delay(50);
  }
}
