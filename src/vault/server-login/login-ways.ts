// The ways in which the server proves to Vault who it is.

import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { VaultFailure } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { countAt, fieldsAt, optionalTextAt, textAt, textsAt } from '../client/shape.js';
import { type IssuedToken, logIn, readIssuedToken } from '../session/login.js';

/** What is read is read again for each login: a file may hold something else by then. */
export type ServerLoginWay =
  | {
      readonly method: 'approle';
      readonly mount: string;
      readonly roleId: Secret;
      readonly readSecretId: () => Promise<string>;
      /** What is read is a wrapping token that holds the SecretID. It is opened once, at the first login. */
      readonly isWrapped: boolean;
    }
  /** A token that somebody else renews and replaces in its file, as Vault's agent does. It is not revoked. */
  | { readonly method: 'token'; readonly readToken: () => Promise<string> }
  | {
      readonly method: 'kubernetes';
      readonly mount: string;
      readonly role: string;
      /** The token of the pod's service account. */
      readonly readJwt: () => Promise<string>;
    };

/** One way to log in, as often as it is needed. */
export interface LoginWay {
  /** Whether each login makes a token of its own, which ends with it. */
  readonly ownsTokens: boolean;
  /** The settings that it depends on, for messages. */
  readonly settings: string;
  /** Throws `VaultFailure`. */
  logIn(): Promise<IssuedToken>;
}

/** Sends nothing yet. */
export function openLoginWay(connection: VaultConnection, way: ServerLoginWay): LoginWay {
  switch (way.method) {
    case 'approle':
      return appRoleWay(connection, way);
    case 'token':
      return {
        ownsTokens: false,
        settings: 'STINT_SERVER_TOKEN_FILE',
        logIn: async () => lookUpToken(connection, new Secret(await read(way.readToken))),
      };
    case 'kubernetes':
      return {
        ownsTokens: true,
        settings: 'STINT_SERVER_KUBERNETES_ROLE, _MOUNT and _JWT',
        logIn: () => logInByJwt(connection, way),
      };
  }
}

function appRoleWay(
  connection: VaultConnection,
  way: Extract<ServerLoginWay, { method: 'approle' }>,
): LoginWay {
  const { mount, roleId, isWrapped } = way;
  let opened: Promise<Secret> | undefined;
  const secretId = async () => {
    if (!isWrapped) return new Secret(await read(way.readSecretId));
    opened ??= open(connection, way).catch((error: unknown) => {
      if (error instanceof VaultFailure && !error.mayBeDone) opened = undefined;
      throw error;
    });
    return await opened;
  };
  return {
    ownsTokens: true,
    settings: 'STINT_SERVER_ROLE_ID and STINT_SERVER_SECRET_ID',
    logIn: async () => logIn(connection, { mount, roleId, secretId: await secretId() }),
  };
}

/** Looked up first: what was not made as a SecretID of this mount is not opened, and stays as evidence. */
async function open(
  connection: VaultConnection,
  { mount, readSecretId }: Extract<ServerLoginWay, { method: 'approle' }>,
): Promise<Secret> {
  const token = new Secret(await read(readSecretId));
  const lookUp = { path: pathOf('sys/wrapping/lookup'), body: { token: token.reveal() } };
  const madeAt = await connection
    .client()
    .ask({ method: 'POST', ...lookUp }, (reply) => textAt(fieldsAt(reply, 'data'), 'creation_path'));
  const isSecretId =
    madeAt.startsWith(`auth/${mount}/role/`) && /\/role\/[^/]+\/(?:custom-)?secret-id$/.test(madeAt);
  if (!isSecretId) throw new VaultFailure('invalid', { code: 'no wrapped SecretID' });
  return await connection
    .client(token)
    .ask(
      { method: 'POST', path: pathOf('sys/wrapping/unwrap') },
      (reply) => new Secret(textAt(fieldsAt(reply, 'data'), 'secret_id')),
    );
}

async function logInByJwt(
  connection: VaultConnection,
  { mount, role, readJwt }: Extract<ServerLoginWay, { method: 'kubernetes' }>,
): Promise<IssuedToken> {
  const body = { role, jwt: await read(readJwt) };
  const request = { method: 'POST', path: pathOf('auth', mount, 'login'), body } as const;
  return await connection.client().ask(request, readIssuedToken);
}

async function lookUpToken(connection: VaultConnection, token: Secret): Promise<IssuedToken> {
  const path = pathOf('auth/token/lookup-self');
  return await connection.client(token).ask({ method: 'GET', path }, (reply) => {
    const data = fieldsAt(reply, 'data');
    return {
      token,
      ttlMs: countAt(data, 'ttl') * 1_000,
      renewable: data.renewable === true,
      accessor: optionalTextAt(data, 'accessor'),
      uses: data.num_uses === undefined ? 0 : countAt(data, 'num_uses'),
      policies: textsAt(data, 'policies'),
    };
  });
}

/** A file that is not there may be there a moment later. */
async function read(readText: () => Promise<string>): Promise<string> {
  try {
    const text = (await readText()).trim();
    if (/^[!-~]+$/.test(text)) return text;
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new VaultFailure('unreadable', { code });
  }
  throw new VaultFailure('unreadable', { code: 'empty, or no single word' });
}
