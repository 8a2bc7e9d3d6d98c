import type NodeVault from 'node-vault';
import type { Secret } from '../../job/secret.js';
import { toVaultFailure } from './errors.js';
import { createTransport, type Transport, type TransportRequest, type VaultAddress } from './transport.js';

export type { VaultAddress } from './transport.js';

/** The way to one Vault, shared by all identities. Disposing closes its connections. */
export interface VaultConnection extends Disposable {
  readonly address: VaultAddress;
  /** What time it is at Vault, in milliseconds since 1970. */
  now(): number;
  /** A client for one identity, or for nobody: it never sends another token than this. */
  client(token?: Secret): VaultClient;
}

export interface VaultClient {
  /** Asks once, without any hidden retry, and reads the answer with `shape`. Throws `VaultFailure`. */
  ask<T>(request: VaultRequest, shape: (reply: unknown) => T): Promise<T>;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`, encoded: made by `pathOf` or `encodePath`. */
  readonly path: string;
  readonly body?: object;
  /** Longest answer; 1 MiB where it is not given. */
  readonly limitBytes?: number;
  /** Shorter than the connection's, for what must not take long. */
  readonly timeoutMs?: number;
}

const replyLimitBytes = 1024 * 1024;

/** Opens nothing yet. node-vault is loaded with the first request: it takes a tenth of a second. */
export function connectVault(address: VaultAddress): VaultConnection {
  const transport = createTransport(address);
  const nobody = createClient({ address, transport, token: undefined });
  return {
    address,
    now: () => transport.clock.now(),
    client: (token) => (token === undefined ? nobody : createClient({ address, transport, token })),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

interface ClientParts {
  readonly address: VaultAddress;
  readonly transport: Transport;
  readonly token: Secret | undefined;
}

/** One node-vault instance per identity: login and unwrap calls of an instance may replace its token. */
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
 * The options are a fresh object with each request, because the library writes headers into it. Only `request` is
 * used: `write` would hand the body to the debug log, and the commands know prefixes and renewals of their own.
 */
function optionsOf(
  request: VaultRequest,
  address: VaultAddress,
): Omit<TransportRequest, 'uri' | 'headers'> & { path: string } {
  const { method, path, body, limitBytes = replyLimitBytes, timeoutMs = address.timeoutMs } = request;
  const json = body === undefined ? {} : { json: body };
  return { method, path: `/${path}`, limitBytes, timeoutMs: Math.min(timeoutMs, address.timeoutMs), ...json };
}

/**
 * What the library would take from the environment when a setting is empty (VAULT_TOKEN, VAULT_NAMESPACE,
 * VAULT_PREFIX) is set again afterwards: a request without a token must not carry somebody's. VAULT_SKIP_VERIFY, which
 * it takes for true whatever it says, and proxies have no say because the transport is ours; `debug` prints nothing.
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
