// The embedded Vault's userpass auth method.

import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { dispatch, type Engine, type EngineRequest } from '../engines/engine.js';
import { textOf } from '../http/body.js';
import { list, nothing, Refusal, type Reply } from '../http/reply.js';
import { logIn, readSettings, showSettings, type TokenSettings } from '../token/token-settings.js';
import type { Tokens } from '../token/tokens.js';
import type { Identity } from './identity.js';

interface User {
  readonly salt: Buffer;
  readonly hash: Buffer;
  readonly settings: TokenSettings;
}

/** Logins with a name and a password. */
export function createUserpass(tokens: Tokens, identity: Identity): Engine {
  const users = new Map<string, User>();
  const routes = [
    { pattern: /^users\/?$/, list: () => list(users.keys()) },
    {
      pattern: /^users\/([^/]+)$/,
      read: (_: EngineRequest, [name = '']: readonly string[]) => show(users.get(name.toLowerCase())),
      write: ({ body }: EngineRequest, [name = '']: readonly string[]) => {
        const before = users.get(name.toLowerCase());
        const password = textOf(body, 'password');
        if (before === undefined && password === '') throw new Refusal(400, 'missing password');
        const settings = readSettings(body, before?.settings);
        users.set(name.toLowerCase(), {
          ...(before ?? keep(password)),
          ...(password === '' ? {} : keep(password)),
          settings,
        });
        return undefined;
      },
      delete: (_: EngineRequest, [name = '']: readonly string[]) => void users.delete(name.toLowerCase()),
    },
    {
      pattern: /^login\/([^/]+)$/,
      write: (request: EngineRequest, [given = '']: readonly string[]) => {
        const name = given.toLowerCase();
        const { settings } = check(users.get(name), textOf(request.body, 'password'));
        const login = { tokens, identity, request, type: 'userpass', alias: name, displayName: name };
        return logIn(settings, { ...login, meta: { username: name } });
      },
    },
  ];
  return {
    handle: (request) => dispatch(routes, request),
    isOpen: (path) => path.startsWith('login/'),
    exists: (path) =>
      path.startsWith('users/') ? users.has(path.slice('users/'.length).toLowerCase()) : undefined,
  };
}

function show(user: User | undefined): Reply {
  if (user === undefined) throw nothing();
  return { data: showSettings(user.settings) };
}

function keep(password: string): { salt: Buffer; hash: Buffer } {
  const salt = randomBytes(16);
  return { salt, hash: scryptSync(password, salt, 32) };
}

/** Vault 1.13 answers 500 where the user exists. That is odd, but clients have to handle it. */
function check(user: User | undefined, password: string): User {
  if (password === '') throw new Refusal(500, 'missing password');
  const wrong = 'invalid username or password';
  if (user === undefined) throw new Refusal(400, wrong);
  if (!timingSafeEqual(scryptSync(password, user.salt, 32), user.hash)) throw new Refusal(500, wrong);
  return user;
}
