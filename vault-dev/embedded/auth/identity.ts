// The embedded Vault's identity engine: one entity for each name at each auth method.

import { randomUUID } from 'node:crypto';
import { dispatch, type Engine } from '../engines/engine.js';
import { type Fields, list, nothing, type Reply } from '../http/reply.js';

/** Who has one name at one auth method. */
export interface Entity {
  readonly id: string;
  readonly name: string;
  readonly createdTime: string;
  readonly alias: Fields;
}

/** The entities of all logins. Each name at each auth method has its own entity: entities are never merged. */
export class Identity {
  readonly #byAlias = new Map<string, Entity>();

  /** The entity for a login with this name, created at the first login. */
  of(mount: string, type: string, name: string): Entity {
    const key = `${mount}:${name}`;
    const entity = this.#byAlias.get(key) ?? create(mount, type, name);
    this.#byAlias.set(key, entity);
    return entity;
  }

  find(id: string): Entity | undefined {
    return [...this.#byAlias.values()].find((entity) => entity.id === id);
  }

  engine(): Engine {
    const all = () => [...this.#byAlias.values()];
    const named = (name: string) => all().find((entity) => entity.name === name);
    const routes = [
      { pattern: /^entity\/id\/?$/, list: () => list(all().map(({ id }) => id)) },
      { pattern: /^entity\/name\/?$/, list: () => list(all().map(({ name }) => name)) },
      {
        pattern: /^entity\/id\/([^/]+)$/,
        read: (_: unknown, [id = '']: readonly string[]) => show(this.find(id)),
      },
      {
        pattern: /^entity\/name\/([^/]+)$/,
        read: (_: unknown, [name = '']: readonly string[]) => show(named(name)),
      },
    ];
    return { handle: (request) => dispatch(routes, request) };
  }
}

function create(mount: string, type: string, name: string): Entity {
  const id = randomUUID();
  const createdTime = new Date().toISOString();
  const alias = {
    canonical_id: id,
    creation_time: createdTime,
    id: randomUUID(),
    last_update_time: createdTime,
    mount_path: mount,
    mount_type: type,
    name,
    metadata: null,
    custom_metadata: null,
    local: false,
  };
  return { id, name: `entity_${id.slice(0, 8)}`, createdTime, alias };
}

function show(entity: Entity | undefined): Reply {
  if (entity === undefined) throw nothing();
  const { id, name, createdTime, alias } = entity;
  return {
    data: {
      id,
      name,
      aliases: [alias],
      creation_time: createdTime,
      last_update_time: createdTime,
      disabled: false,
      metadata: null,
      namespace_id: 'root',
      policies: [],
      group_ids: [],
      direct_group_ids: [],
    },
  };
}
