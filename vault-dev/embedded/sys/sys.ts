// The `sys/` paths: capabilities, policies, leases, mounts, wrapping, seal.

import { dispatch, type Engine, type EngineRequest, type Route } from '../engines/engine.js';
import { listOf, textOf } from '../http/body.js';
import { type Fields, list, listed, nothing, Refusal, type Reply } from '../http/reply.js';
import type { Policies } from '../policy/policies.js';
import type { Token } from '../token/tokens.js';
import { mountRoutes } from './sys-mounts.js';
import type { SysParts } from './sys-parts.js';
import { wrappingRoutes } from './wrapping.js';

/** What Vault also answers while it is sealed is in `seal.ts`. */
export function createSys(parts: SysParts): Engine {
  const routes: Route[] = [
    ...wrappingRoutes(parts.tokens),
    ...capabilityRoutes(parts),
    ...policyRoutes(parts.policies),
    ...leaseRoutes(),
    ...mountRoutes(parts),
    { pattern: /^seal$/, write: () => parts.seal() as undefined },
  ];
  return {
    handle: (request) => dispatch(routes, request),
    isOpen: (path) => path === 'wrapping/lookup' || path.startsWith('internal/ui/mounts'),
    needsSudo: (path) => path.startsWith('auth/') || path === 'seal',
  };
}

function policyRoutes(policies: Policies): Route[] {
  const read = (name: string, key: string): Reply => {
    const policy = policies.get(name.toLowerCase());
    if (policy === undefined) throw nothing();
    return { data: { name: name.toLowerCase(), [key]: policy.text } };
  };
  const write = ({ body }: EngineRequest, [name = '']: readonly string[]) => {
    const text = textOf(body, 'policy');
    if (text === '') throw new Refusal(400, "'policy' parameter not supplied or empty");
    policies.put(name.toLowerCase(), text);
    return undefined;
  };
  const remove = (_: EngineRequest, [name = '']: readonly string[]) =>
    policies.delete(name.toLowerCase()) as undefined;
  const names = () => policies.names();
  return [
    { pattern: /^policies\/acl\/?$/, list: () => list(names()), read: () => list(names()) },
    {
      pattern: /^policies\/acl\/(.+)$/,
      read: (_, [name = '']) => read(name, 'policy'),
      write,
      delete: remove,
    },
    { pattern: /^policy\/?$/, list: () => oldList(names()), read: () => oldList(names()) },
    {
      pattern: /^policy\/(.+)$/,
      read: (_, [name = '']) => ({ ...read(name, 'rules'), isFlat: true }),
      write,
      delete: remove,
    },
  ];
}

function oldList(names: readonly string[]): Reply {
  return { data: { keys: names, policies: names }, isFlat: true };
}

function capabilityRoutes({ tokens, aclOf }: SysParts): Route[] {
  const answer = (token: Token, body: Fields): Reply => {
    const paths = body.paths === undefined ? listOf(body, 'path') : listOf(body, 'paths');
    if (paths.length === 0) throw new Refusal(400, 'paths must be supplied');
    const acl = aclOf(token);
    const rights = Object.fromEntries(
      paths.map((path) => [path, acl.capabilitiesAt(path.replace(/^\//, ''))]),
    );
    const [first = ''] = paths;
    return { data: paths.length === 1 ? { ...rights, capabilities: rights[first] } : rights, isFlat: true };
  };
  return [
    {
      pattern: /^capabilities-self$/,
      write: ({ token, body }) => answer(asking(token), body),
    },
    {
      pattern: /^capabilities$/,
      write: ({ body }) =>
        answer(tokens.find(textOf(body, 'token')) ?? raise(listed(400, 'invalid token')), body),
    },
    {
      pattern: /^capabilities-accessor$/,
      write: ({ body }) =>
        answer(
          tokens.findByAccessor(textOf(body, 'accessor')) ?? raise(listed(400, 'invalid accessor')),
          body,
        ),
    },
  ];
}

/** No engine here issues leases, so every lease is unknown. */
function leaseRoutes(): Route[] {
  return [
    {
      pattern: /^(?:leases\/)?renew$/,
      write: ({ body }) => {
        checkLeaseId(body);
        throw new Refusal(400, 'lease not found');
      },
    },
    { pattern: /^(?:leases\/)?revoke$/, write: ({ body }) => checkLeaseId(body) },
    {
      pattern: /^leases\/lookup$/,
      write: ({ body }) => {
        checkLeaseId(body);
        throw new Refusal(400, 'invalid lease');
      },
    },
  ];
}

/** A token that has just spent its last use cannot be asked about any more, as in Vault. */
function asking(token: Token | undefined): Token {
  if (token === undefined || (token.numUses > 0 && token.usesLeft === 0)) throw listed(400, 'invalid token');
  return token;
}

function raise(error: Error): never {
  throw error;
}

function checkLeaseId(body: Fields): undefined {
  if (textOf(body, 'lease_id') === '') throw new Refusal(400, 'lease_id must be specified');
}
