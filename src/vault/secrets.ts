import type { Secrets } from '../executor/secrets.js';
import type { Secret } from '../job/secret.js';
import type { OnFailure } from './client/background-failure.js';
import { connectVault, type VaultAddress, type VaultConnection } from './client/client.js';
import { KeyedMemory } from './server-login/keyed-memory.js';
import { ServerIdentity } from './server-login/server-identity.js';
import { AdoptedLogin } from './session/adopted-login.js';
import { readCubbyhole } from './session/payload.js';
import { rememberWrappingToken, type SessionParts, VaultSession } from './session/session.js';
import { lookUpWrappingToken } from './wrapping/wrapping.js';

/** Where Vault is and which of its parts are ours. */
export interface VaultOptions extends VaultAddress {
  /** What jobs log in with. */
  readonly roleId: Secret;
  readonly roleName: string;
  /** Without slashes at its ends. */
  readonly appRoleMount: string;
  readonly transitMount: string;
  readonly transitKey: string;
  readonly acceptRewrapped: boolean;
  /** The server's own login, where it has one. */
  readonly server?: { readonly roleId: Secret; readonly secretId: Secret } | undefined;
  readonly onFailure?: OnFailure;
  /** How long a job waits for Vault once its credentials are spent; half a minute where it is not given. */
  readonly retryForMs?: number;
}

/** The contract of the executor, and what else a server does with Vault. Disposing gives the server's token back. */
export interface VaultSecrets extends Secrets, AsyncDisposable {
  /** Undefined where the server has no login of its own. */
  readonly server: ServerIdentity | undefined;
}

const retryForMs = 30_000;

/** Opens nothing yet. A connection that was given is not closed with it. */
export function createVaultSecrets(options: VaultOptions, connection?: VaultConnection): VaultSecrets {
  const own = connection ?? connectVault(options);
  const parts = partsOf(options, own);
  return {
    server: parts.server,
    readPayload: (source) => readCubbyhole(own, source),
    lookUpWrappingToken: async (wrap) => {
      const { wraps: rules, seen, now } = parts;
      const knowledge = await lookUpWrappingToken(own, { token: wrap, rules, known: seen.get(wrap), now });
      rememberWrappingToken(parts, wrap, knowledge);
      return knowledge;
    },
    session: (wrap, hooks, known) => {
      if (known !== undefined) rememberWrappingToken(parts, wrap, known);
      return new VaultSession(parts, wrap, hooks);
    },
    adopt: (identity, hooks) => new AdoptedLogin(parts, identity, hooks),
    [Symbol.asyncDispose]: async () => {
      await parts.server?.[Symbol.asyncDispose]();
      if (connection === undefined) own[Symbol.dispose]();
    },
  };
}

function partsOf(options: VaultOptions, connection: VaultConnection): SessionParts {
  const { appRoleMount: mount, roleName: role, acceptRewrapped, roleId } = options;
  const onFailure = options.onFailure ?? (() => undefined);
  return {
    connection,
    wraps: { mount, role, acceptRewrapped },
    roleId,
    transit: { mount: options.transitMount, key: options.transitKey },
    server:
      options.server &&
      new ServerIdentity(connection, { ...options.server, mount, jobRole: role, onFailure }),
    seen: new KeyedMemory(),
    onFailure,
    retryForMs: options.retryForMs ?? retryForMs,
    now: () => connection.now(),
  };
}
