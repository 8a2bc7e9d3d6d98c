// The embedded Vault's AppRole auth method: roles, SecretIDs, logins.

import { randomUUID } from 'node:crypto';
import { dispatch, type Engine, type EngineRequest, type Route } from '../engines/engine.js';
import { textOf } from '../http/body.js';
import { type Fields, list, nothing, Refusal, type Reply } from '../http/reply.js';
import { logIn } from '../token/token-settings.js';
import type { Tokens } from '../token/tokens.js';
import { createSecretId, type Role, readRole, showRole } from './approle-role.js';
import { SecretIds } from './approle-secret-ids.js';
import type { Identity } from './identity.js';

/** Logins with a RoleID and, unless the role says otherwise, a SecretID. */
export function createAppRole(tokens: Tokens, identity: Identity): Engine {
  const roles = new Map<string, Role>();
  const routes: Route[] = [
    { pattern: /^role\/?$/, list: () => list(roles.keys()) },
    roleRoute(roles),
    roleIdRoute(roles),
    ...secretIdRoutes(roles),
    { pattern: /^login$/, write: (request) => login(roles, request, { tokens, identity }) },
  ];
  return {
    handle: (request) => dispatch(routes, request),
    isOpen: (path) => path === 'login',
    exists: (path) => {
      const name = /^role\/([^/]+)$/.exec(path)?.[1];
      return name === undefined ? undefined : roles.has(name.toLowerCase());
    },
  };
}

type Roles = Map<string, Role>;

function roleRoute(roles: Roles): Route {
  return {
    pattern: /^role\/([^/]+)$/,
    read: (_, [name = '']) => ({ data: showRole(find(roles, name).settings) }),
    write: ({ body }, [given = '']) => {
      const name = given.toLowerCase();
      const before = roles.get(name);
      const settings = readRole(body, before?.settings);
      const role = before ?? { name, roleId: randomUUID(), settings, secretIds: new SecretIds() };
      role.settings = settings;
      if (textOf(body, 'role_id') !== '') role.roleId = textOf(body, 'role_id');
      roles.set(name, role);
      return undefined;
    },
    delete: (_, [name = '']) => void roles.delete(name.toLowerCase()),
  };
}

function roleIdRoute(roles: Roles): Route {
  return {
    pattern: /^role\/([^/]+)\/role-id$/,
    read: (_, [name = '']) => ({ data: { role_id: find(roles, name).roleId } }),
    write: ({ body }, [name = '']) => {
      const roleId = textOf(body, 'role_id');
      if (roleId === '') throw new Refusal(400, 'missing role_id');
      find(roles, name).roleId = roleId;
      return undefined;
    },
  };
}

function secretIdRoutes(roles: Roles): Route[] {
  const on = (path: string, act: (ids: SecretIds, body: Fields) => Reply | undefined): Route => ({
    pattern: new RegExp(`^role/([^/]+)/${path}$`),
    write: ({ body }, [name = '']) => act(known(roles, name).secretIds, body),
  });
  return [
    {
      pattern: /^role\/([^/]+)\/secret-id\/?$/,
      list: (_, [name = '']) => known(roles, name).secretIds.listAccessors(),
      write: ({ body }, [name = '']) => createSecretId(known(roles, name), body, undefined),
    },
    {
      pattern: /^role\/([^/]+)\/custom-secret-id$/,
      write: ({ body }, [name = '']) => createSecretId(known(roles, name), body, textOf(body, 'secret_id')),
    },
    on('secret-id/lookup', (ids, body) => ids.lookUp(textOf(body, 'secret_id'))),
    on('secret-id/destroy', (ids, body) => ids.destroy(textOf(body, 'secret_id'))),
    on('secret-id-accessor/lookup', (ids, body) => ids.lookUpByAccessor(textOf(body, 'secret_id_accessor'))),
    on('secret-id-accessor/destroy', (ids, body) =>
      ids.destroyByAccessor(textOf(body, 'secret_id_accessor')),
    ),
  ];
}

interface Parts {
  readonly tokens: Tokens;
  readonly identity: Identity;
}

function login(roles: Roles, request: EngineRequest, parts: Parts): Reply {
  const roleId = textOf(request.body, 'role_id');
  const secretId = textOf(request.body, 'secret_id');
  if (roleId === '') throw new Refusal(500, 'failed to determine alias name from login request');
  const role = [...roles.values()].find((each) => each.roleId === roleId);
  if (role === undefined) throw new Refusal(400, 'invalid role ID');
  const { settings } = role;
  if (settings.bindSecretId && secretId === '') throw new Refusal(400, 'missing secret_id');
  const spent = settings.bindSecretId ? role.secretIds.spend(secretId) : undefined;
  const boundCidrs = [...settings.token.boundCidrs, ...(spent?.tokenCidrs ?? [])];
  const meta = { ...spent?.metadata, role_name: role.name };
  const person = { ...parts, request, type: 'approle', alias: roleId, displayName: '', meta };
  return logIn({ ...settings.token, boundCidrs }, person);
}

function find(roles: Roles, name: string): Role {
  const role = roles.get(name.toLowerCase());
  if (role === undefined) throw nothing();
  return role;
}

/** Only the calls about SecretIDs name the missing role in their error. */
function known(roles: Roles, name: string): Role {
  const role = roles.get(name.toLowerCase());
  if (role === undefined) throw new Refusal(404, `role ${JSON.stringify(name)} does not exist`);
  return role;
}
