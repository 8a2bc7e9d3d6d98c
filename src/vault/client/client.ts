// Wraps node-vault: one client per token, no hidden retries, nothing read from the environment.

import type NodeVault from 'node-vault';
import type { Secret } from '../../job/secret.js';
import { toVaultFailure } from './errors.js';
import { createTransport, type Transport, type TransportRequest, type VaultAddress } from './transport.js';

export type { VaultAddress } from './transport.js';

/** The connections to one Vault, shared by all tokens. Disposing closes them. */
export interface VaultConnection extends Disposable {
  readonly address: VaultAddress;
  /** The current time at Vault, in milliseconds since 1970. */
  now(): number;
  /** A client for one token, or for none: it never sends any other token. */
  client(token?: Secret): VaultClient;
}

export interface VaultClient {
  /** Sends one request, without hidden retries, and reads the answer with `shape`. Throws `VaultFailure`. */
  ask<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T>;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`, encoded: made by `pathOf` or `encodePath`. */
  readonly path: string;
  readonly body?: object;
  /** Longest answer; 1 MiB by default. */
  readonly limitBytes?: number;
  /** Texts of more than 64 KiB in the answer come as their bytes. */
  readonly longAsBytes?: boolean;
  /** Shorter than the connection's, for requests that must not take long. */
  readonly timeoutMs?: number;
}

const replyLimitBytes = 1024 * 1024;

/** Opens no connection yet. node-vault is loaded at the first request, because loading takes a tenth of a second. */
export function connectVault(address: VaultAddress): VaultConnection {
  const transport = createTransport(address);
  const withoutToken = createClient({ address, transport, token: undefined });
  return {
    address,
    now: () => transport.clock.now(),
    client: (token) => (token === undefined ? withoutToken : createClient({ address, transport, token })),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

interface ClientParts {
  readonly address: VaultAddress;
  readonly transport: Transport;
  readonly token: Secret | undefined;
}

/** One node-vault instance per token: login and unwrap calls of an instance may replace its token. */
function createClient(parts: ClientParts): VaultClient {
  let library: Promise<NodeVault.client> | undefined;
  return {
    ask: async (request, shape) => {
      library ??= loadLibrary(parts);
      const client = await library;
      try {
        return shape(await client.request(optionsOf(request, parts.address)));
      } catch (error) {
        throw toVaultFailure(error);
      }
    },
  };
}

/**
 * The options are a new object for each request, because the library writes headers into it. Only `request` is used:
 * `write` would pass the body to the debug log, and the library's commands add prefixes and renewals of their own.
 */
function optionsOf(
  request: VaultRequest,
  address: VaultAddress,
): Omit<TransportRequest, 'uri' | 'headers'> & { path: string } {
  const { method, path, body, limitBytes = replyLimitBytes, timeoutMs = address.timeoutMs } = request;
  const { longAsBytes = false } = request;
  const json = body === undefined ? {} : { json: body };
  return {
    method,
    path: `/${path}`,
    limitBytes,
    longAsBytes,
    timeoutMs: Math.min(timeoutMs, address.timeoutMs),
    ...json,
  };
}

/**
 * When a setting is empty the library takes it from the environment (VAULT_TOKEN, VAULT_NAMESPACE, VAULT_PREFIX), so
 * all three are set again afterwards: a request without a token must not carry one from the environment. Proxies, and
 * VAULT_SKIP_VERIFY, which it reads as true whatever its value, have no effect: the transport is ours. `debug` is silent.
 */
async function loadLibrary({ address, transport, token }: ClientParts): Promise<NodeVault.client> {
  const { default: createVault } = await import('node-vault');
  const client = createVault({
    endpoint: address.address,
    debug: () => undefined,
    'request-promise': { defaults: () => transport.send },
  });
  client.token = token?.reveal() ?? '';
  return Object.assign(client, { namespace: address.namespace ?? '', pathPrefix: '' });
}
