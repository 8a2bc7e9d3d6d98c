// The `sys/` paths that list, add, tune and remove mounts.

import type { Route } from '../engines/engine.js';
import { type Mount, type Mounts, usualSecondsOf } from '../engines/mounts.js';
import { isFields, secondsOf } from '../http/body.js';
import { type Fields, Refusal, type Reply } from '../http/reply.js';
import { defaultTtlSeconds } from '../token/tokens.js';
import type { SysParts } from './sys-parts.js';

/** Paths below `sys/` about what is mounted: secrets engines and auth methods. */
export function mountRoutes(parts: SysParts): Route[] {
  const { mounts } = parts;
  return [
    ...kindRoutes(mounts, 'secret', 'mounts'),
    ...kindRoutes(mounts, 'auth', 'auth'),
    {
      pattern: /^internal\/ui\/mounts\/(.+)$/,
      read: ({ sentToken }, [path = '']) => ofPath(parts, sentToken, path),
    },
  ];
}

function kindRoutes(mounts: Mounts, kind: 'secret' | 'auth', root: string): Route[] {
  const pathOf = (name: string) => `${kind === 'auth' ? 'auth/' : ''}${name}/`;
  const find = (name: string) => mounts.at(pathOf(name)) ?? missing(kind, name);
  return [
    {
      pattern: new RegExp(`^${root}/?$`),
      read: () => flat(Object.fromEntries(mounts.list(kind).map(([name, mount]) => [name, show(mount)]))),
    },
    {
      pattern: new RegExp(`^${root}/(.+)/tune$`),
      read: (_, [name = '']) => flat(tuning(find(name))),
      write: ({ body }, [name = '']) => tune(find(name), body),
    },
    {
      pattern: new RegExp(`^${root}/(.+?)/?$`),
      read: (_, [name = '']) => flat(show(find(name))),
      write: ({ body }, [name = '']) => mounts.enable(kind, name, body) as undefined,
      delete: (_, [name = '']) => mounts.disable(pathOf(name)) as undefined,
    },
  ];
}

function flat(data: Fields): Reply {
  return { data, isFlat: true };
}

function missing(kind: 'secret' | 'auth', name: string): never {
  const what = kind === 'auth' ? 'No auth engine at' : 'No secret engine mount at';
  throw new Refusal(400, `${what} ${name}/`);
}

function show({ type, description, accessor, options, uuid, config }: Mount): Fields {
  return {
    accessor,
    description,
    options,
    type,
    uuid,
    config: {
      ...config,
      force_no_cache: false,
    },
    external_entropy_access: false,
    local: false,
    seal_wrap: false,
    deprecation_status: 'supported',
    plugin_version: '',
    running_plugin_version: '',
    running_sha256: '',
  };
}

function tuning(mount: Mount): Fields {
  const { description, config, options } = mount;
  return {
    description,
    default_lease_ttl: usualSecondsOf(mount),
    max_lease_ttl: config.max_lease_ttl || defaultTtlSeconds,
    force_no_cache: false,
    ...(options === null ? {} : { options }),
  };
}

/** `max_lease_ttl` is only stored and shown: Vault's own limit applies to all mounts here. */
function tune(mount: Mount, body: Fields): undefined {
  const { default_lease_ttl: usual, max_lease_ttl: longest } = mount.config;
  mount.config = {
    ...mount.config,
    default_lease_ttl: secondsOf(body, 'default_lease_ttl', Number(usual)),
    max_lease_ttl: secondsOf(body, 'max_lease_ttl', Number(longest)),
  };
  if (isFields(body.options) && mount.options !== null) Object.assign(mount.options, body.options);
}

/** The command line calls it before a read. Allowed to every token with any right below the mount. */
function ofPath({ mounts, tokens, aclOf }: SysParts, sentToken: string, path: string): Reply {
  const token = tokens.find(sentToken);
  if (token === undefined) throw new Refusal(403, 'permission denied');
  const mount = mounts.find(path);
  if (mount !== undefined && aclOf(token).reaches(mount.path)) {
    return { data: { ...show(mount), path: mount.path } };
  }
  throw new Refusal(
    403,
    `preflight capability check returned 403, please ensure client's policies grant access to path ${JSON.stringify(`${path}/`)}`,
  );
}
