// Logs in to an AppRole and reads the token that Vault issues.

import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { pathOf } from '../client/path.js';
import { countAt, type Fields, fieldsAt, optionalTextAt, textAt, textsAt } from '../client/shape.js';
import type { Grant } from './renewal.js';

/** A token that Vault issued for a RoleID and a SecretID. */
export interface IssuedToken extends Grant {
  readonly token: Secret;
  /** Empty for a batch token. */
  readonly accessor: string;
  /** 0 means no limit. */
  readonly uses: number;
  readonly policies: readonly string[];
}

export interface AppRoleLogin {
  readonly mount: string;
  readonly roleId: Secret;
  readonly secretId: Secret;
}

/** Logs in once. Spends a use of the SecretID. Throws `VaultFailure`. */
export async function logIn(connection: VaultConnection, login: AppRoleLogin): Promise<IssuedToken> {
  const body = { role_id: login.roleId.reveal(), secret_id: login.secretId.reveal() };
  const path = pathOf('auth', login.mount, 'login');
  return connection.client().ask({ method: 'POST', path, body }, readIssuedToken);
}

/** Of the answer to a login, whatever the method. */
export function readIssuedToken(reply: unknown): IssuedToken {
  const auth = fieldsAt(reply, 'auth');
  return {
    ...readGrant(auth),
    token: new Secret(textAt(auth, 'client_token')),
    accessor: optionalTextAt(auth, 'accessor'),
    uses: auth.num_uses === undefined ? 0 : countAt(auth, 'num_uses'),
    policies: textsAt(auth, 'policies'),
  };
}

/** A time to live of 0 means no expiry, as root tokens have: there is nothing to renew then. */
export function readGrant(fields: Fields): Grant {
  return { ttlMs: countAt(fields, 'lease_duration') * 1000, renewable: fields.renewable === true };
}
