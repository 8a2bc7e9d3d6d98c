// Implements the executor's contract for secrets with one Vault.

import type { Secrets } from '../executor/secrets.js';
import type { Secret } from '../job/secret.js';
import type { OnFailure } from './client/background-failure.js';
import { connectVault, type VaultAddress, type VaultConnection } from './client/client.js';
import { KnownMounts } from './reading/mounts.js';
import { KeyedMemory } from './server-login/keyed-memory.js';
import type { ServerLoginWay } from './server-login/login-ways.js';
import { ServerIdentity } from './server-login/server-identity.js';
import { AdoptedLogin } from './session/adopted-login.js';
import { JoinedLogin } from './session/joined-login.js';
import { renewLogin } from './session/kept-login.js';
import { readCubbyhole } from './session/payload.js';
import { rememberWrappingToken, type SessionParts, VaultSession } from './session/session.js';
import { lookUpWrappingToken } from './wrapping/wrapping.js';

/** The address of Vault, and the mounts, role and key in it that stint uses. */
export interface VaultOptions extends VaultAddress {
  /** RoleID that jobs log in with. */
  readonly roleId: Secret;
  readonly roleName: string;
  /** Without slashes at its ends. */
  readonly appRoleMount: string;
  readonly transitMount: string;
  readonly transitKey: string;
  readonly acceptRewrapped: boolean;
  /** The server's own login, where it has one. */
  readonly server?: ServerLoginWay | undefined;
  readonly onFailure?: OnFailure;
  /** How long a job waits for Vault once its credentials are spent; half a minute where it is not given. */
  readonly retryForMs?: number;
  /** For all secret values of a job together; a mebibyte where it is not given. */
  readonly secretsLimitBytes?: number;
}

/** The executor's contract, and what else the server does with Vault. Disposing revokes the server's own token. */
export interface VaultSecrets extends Secrets, AsyncDisposable {
  /** Undefined where the server has no login of its own. */
  readonly server: ServerIdentity | undefined;
}

const retryForMs = 30_000;
const secretsLimitBytes = 1024 * 1024;

/** Opens no connection yet. A `connection` that was passed in is not closed on disposal. */
export function createVaultSecrets(options: VaultOptions, connection?: VaultConnection): VaultSecrets {
  const own = connection ?? connectVault(options);
  const parts = partsOf(options, own);
  return {
    server: parts.server,
    readCubbyhole: (source) => readCubbyhole(own, source),
    lookUpWrappingToken: async (token) => {
      const { wrappingRules: rules, seen, now } = parts;
      const facts = await lookUpWrappingToken(own, { token, rules, known: seen.get(token), now });
      rememberWrappingToken(parts, token, facts);
      return facts;
    },
    session: (wrappingToken, hooks, known) => {
      if (known !== undefined) rememberWrappingToken(parts, wrappingToken, known);
      return new VaultSession(parts, wrappingToken, hooks);
    },
    join: (token, renewal) => new JoinedLogin(parts, token, renewal),
    renew: (login) => renewLogin(parts, login),
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
    wrappingRules: { mount, role, acceptRewrapped },
    roleId,
    transit: { mount: options.transitMount, key: options.transitKey },
    server:
      options.server &&
      new ServerIdentity(connection, { login: options.server, mount, jobRole: role, onFailure }),
    mounts: new KnownMounts(),
    seen: new KeyedMemory(),
    onFailure,
    retryForMs: options.retryForMs ?? retryForMs,
    secretsLimitBytes: options.secretsLimitBytes ?? secretsLimitBytes,
    now: () => connection.now(),
  };
}
