// The KV 2 engine: secrets with versions and metadata.

import { countOf, flagOf, isFields } from '../http/body.js';
import { below, type Fields, nothing, Refusal, type Reply } from '../http/reply.js';
import { dispatch, type Engine, type EngineRequest, type Route } from './engine.js';
import { KeyHistory, type KeySettings } from './kv2-history.js';

/** The first segment of a path (`data/`, `metadata/` and so on) says which part of a secret is meant. */
export function createKv2(): Engine {
  const keys = new Map<string, KeyHistory>();
  const config: KeySettings = { maxVersions: 0, casRequired: false };
  const routes: Route[] = [
    configRoute(config),
    dataRoute(keys, config),
    metadataRoute(keys),
    eachVersion('delete', keys, (history, version) => history.hide(version)),
    eachVersion('undelete', keys, (history, version) => history.show(version)),
    eachVersion('destroy', keys, (history, version) => history.destroy(version)),
  ];
  return {
    exists: (path) => {
      const name = /^(?:data|metadata)\/(.+)$/.exec(path)?.[1];
      return name === undefined ? undefined : keys.has(name);
    },
    handle: (request) => {
      if (!routes.some(({ pattern }) => pattern.test(request.path))) return wrongPath(request);
      return dispatch(routes, request);
    },
  };
}

const verbs = { read: 'get', list: 'list', write: 'put', delete: 'delete' } as const;

/** A list of `data/` ends up here too, because only the metadata can be listed. */
function wrongPath({ operation }: EngineRequest): Reply {
  const text =
    'Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. ' +
    `If using the Vault CLI, use 'vault kv ${verbs[operation]}' for this operation.`;
  return { status: 404, data: null, warnings: [text] };
}

function configRoute(config: KeySettings): Route {
  return {
    pattern: /^config$/,
    read: () => ({
      data: {
        cas_required: config.casRequired,
        delete_version_after: '0s',
        max_versions: config.maxVersions,
      },
    }),
    write: ({ body }) => set(config, body),
  };
}

function set(settings: KeySettings, body: Fields): undefined {
  settings.maxVersions = countOf(body, 'max_versions', settings.maxVersions);
  settings.casRequired = flagOf(body, 'cas_required', settings.casRequired);
}

function dataRoute(keys: Map<string, KeyHistory>, config: KeySettings): Route {
  return {
    pattern: /^data\/(.*[^/])$/,
    read: ({ body }, [name = '']) => find(keys, name).read(countOf(body, 'version')),
    write: ({ body }, [name = '']) => {
      if (!isFields(body.data)) throw new Refusal(400, 'no data provided');
      const options = isFields(body.options) ? body.options : {};
      const cas = 'cas' in options ? countOf(options, 'cas') : undefined;
      const history = keys.get(name) ?? new KeyHistory();
      const reply = history.write(body.data, cas, config);
      keys.set(name, history);
      return reply;
    },
    delete: (_, [name = '']) => keys.get(name)?.hide(0),
  };
}

function metadataRoute(keys: Map<string, KeyHistory>): Route {
  return {
    pattern: /^metadata(?:\/(.*))?$/,
    list: (_, [prefix = '']) => below(prefix, keys.keys()),
    read: (_, [name = '']) => find(keys, name).describe(),
    write: ({ body }, [name = '']) => {
      const history = keys.get(name) ?? new KeyHistory();
      set(history.settings, body);
      if (isFields(body.custom_metadata)) history.custom = body.custom_metadata;
      keys.set(name, history);
      return undefined;
    },
    delete: (_, [name = '']) => void keys.delete(name),
  };
}

function eachVersion(
  verb: string,
  keys: Map<string, KeyHistory>,
  change: (history: KeyHistory, version: number) => void,
): Route {
  return {
    pattern: new RegExp(`^${verb}/(.+)$`),
    write: ({ body }, [name = '']) => {
      const { versions } = body;
      if (!Array.isArray(versions) || versions.length === 0)
        throw new Refusal(400, 'No version number provided');
      const history = keys.get(name);
      for (const version of versions) if (history !== undefined) change(history, Number(version));
      return undefined;
    },
  };
}

function find(keys: Map<string, KeyHistory>, name: string): KeyHistory {
  const history = keys.get(name);
  if (history === undefined) throw nothing();
  return history;
}
