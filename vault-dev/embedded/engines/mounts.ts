// Keeps the table of mounted engines and auth methods.

import { randomBytes, randomUUID } from 'node:crypto';
import { isFields, secondsOf, textOf } from '../http/body.js';
import { type Fields, Refusal } from '../http/reply.js';
import { defaultTtlSeconds } from '../token/tokens.js';
import type { Engine } from './engine.js';

/** A mounted engine or auth method. */
export interface Mount {
  /** With a slash at its end, and with `auth/` in front for an auth method. */
  readonly path: string;
  readonly type: string;
  readonly engine: Engine;
  readonly description: string;
  readonly options: Fields | null;
  readonly accessor: string;
  readonly uuid: string;
  config: Fields;
}

/** Creates an engine of a type; undefined for an unknown type. */
export type EngineFactory = (type: string, options: Fields) => Engine | undefined;

/** All mounts by path. No mount lies below another. */
export class Mounts {
  readonly #byPath = new Map<string, Mount>();
  readonly #factories: Readonly<Record<'secret' | 'auth', EngineFactory>>;

  constructor(factories: Readonly<Record<'secret' | 'auth', EngineFactory>>) {
    this.#factories = factories;
  }

  /** Adds a mount that Vault itself has from the start. */
  fix(path: string, type: string, engine: Engine): void {
    this.#put(path, type, engine, {});
  }

  enable(kind: 'secret' | 'auth', name: string, body: Fields): void {
    const path = `${kind === 'auth' ? 'auth/' : ''}${name}/`;
    const given = textOf(body, 'type');
    const { type, options } = typeOf(given, isFields(body.options) ? body.options : {});
    const engine = this.#factories[kind](type, options);
    if (engine === undefined) throw new Refusal(400, `plugin not found in the catalog: ${given}`);
    const isTaken = [...this.#byPath.keys()].some((each) => each.startsWith(path) || path.startsWith(each));
    if (isTaken) throw new Refusal(400, `path is already in use at ${name}/`);
    this.#put(path, type, engine, { ...body, options });
  }

  /** Disabling a missing mount is no error. */
  disable(path: string): void {
    if (['sys/', 'cubbyhole/', 'identity/', 'auth/token/'].includes(path)) {
      throw new Refusal(400, `cannot unmount ${JSON.stringify(path)}`);
    }
    this.#byPath.delete(path);
  }

  find(path: string): Mount | undefined {
    return [...this.#byPath.values()].find(
      (mount) => path.startsWith(mount.path) || `${path}/` === mount.path,
    );
  }

  at(path: string): Mount | undefined {
    return this.#byPath.get(path);
  }

  /** With the names that lists show: auth methods without `auth/`. */
  list(kind: 'secret' | 'auth'): [string, Mount][] {
    const mounts = [...this.#byPath.values()].filter(
      ({ path }) => path.startsWith('auth/') === (kind === 'auth'),
    );
    return mounts.map((mount) => [mount.path.replace(/^auth\//, ''), mount]);
  }

  #put(path: string, type: string, engine: Engine, body: Fields): void {
    const config = isFields(body.config) ? body.config : {};
    this.#byPath.set(path, {
      path,
      type,
      engine,
      description: textOf(body, 'description'),
      options: isFields(body.options) ? body.options : null,
      accessor: `${type}_${randomBytes(4).toString('hex')}`,
      uuid: randomUUID(),
      config: {
        default_lease_ttl: secondsOf(config, 'default_lease_ttl'),
        max_lease_ttl: secondsOf(config, 'max_lease_ttl'),
        ...(path.startsWith('auth/') ? { token_type: 'default-service' } : {}),
      },
    });
  }
}

/** The default time to live of what this mount issues. */
export function usualSecondsOf({ config }: Mount): number {
  return Number(config.default_lease_ttl) || defaultTtlSeconds;
}

/** `kv-v2` is short for a `kv` of version 2. */
function typeOf(given: string, options: Fields): { type: string; options: Fields } {
  if (given === 'kv-v2') return { type: 'kv', options: { ...options, version: '2' } };
  return { type: given === 'kv-v1' ? 'kv' : given, options };
}
