// The KV 1 engine: secrets without versions.

import { secondsOf } from '../http/body.js';
import { below, type Fields, nothing, Refusal, type Reply } from '../http/reply.js';
import type { Engine } from './engine.js';

/** Version 1 of the KV engine: a write replaces the whole secret. */
export function createKv1(): Engine {
  const secrets = new Map<string, Fields>();
  return {
    exists: (path) => secrets.has(path),
    handle: ({ operation, path, body, usualSeconds }): Reply | undefined => {
      if (operation === 'list') return below(path, secrets.keys());
      if (operation === 'read') return read(secrets.get(path), usualSeconds);
      if (operation === 'delete') secrets.delete(path);
      else if (Object.keys(body).length === 0) throw new Refusal(400, 'missing data fields');
      else secrets.set(path, body);
      return undefined;
    },
  };
}

/** A key `ttl` or `lease` of the secret says how long it is good for. */
function read(data: Fields | undefined, usualSeconds: number): Reply {
  if (data === undefined) throw nothing();
  const name = ['ttl', 'lease'].find((each) => Object.hasOwn(data, each));
  return { data, leaseSeconds: name === undefined ? usualSeconds : secondsIn(data, name, usualSeconds) };
}

function secondsIn(data: Fields, name: string, usualSeconds: number): number {
  try {
    return secondsOf(data, name, usualSeconds);
  } catch {
    return usualSeconds; // It is a text of the user's own, and means nothing.
  }
}
