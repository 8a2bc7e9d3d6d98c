// The cubbyhole engine: private storage of each token.

import { below, type Fields, listed, nothing, Refusal, type Reply } from '../http/reply.js';
import type { Token } from '../token/tokens.js';
import type { Engine } from './engine.js';

const wrapWarning =
  "Reading from 'cubbyhole/response' is deprecated. Please use sys/wrapping/unwrap to unwrap responses, as it " +
  'provides additional security checks and other benefits.';

/** Each token has its own storage, which is deleted with it. */
export function createCubbyhole(): Engine {
  return {
    exists: (path, token) => token?.cubbyhole.has(path),
    handle: ({ operation, path, body, token }): Reply | undefined => {
      const secrets = storageOf(token);
      if (operation === 'list') return below(path, secrets.keys());
      if (operation === 'read') return read(secrets.get(path), path);
      if (operation === 'delete') secrets.delete(path);
      else if (Object.keys(body).length === 0) throw listed(500, 'missing data fields');
      else secrets.set(path, body);
      return undefined;
    },
  };
}

/** A batch token has none. */
function storageOf(token: Token | undefined): Map<string, Fields> {
  if (token === undefined || token.type === 'batch') {
    throw new Refusal(400, 'cubbyhole operations are only supported by "service" type tokens');
  }
  return token.cubbyhole;
}

function read(data: Fields | undefined, path: string): Reply {
  if (data === undefined) throw nothing();
  return path === 'response' ? { data, warnings: [wrapWarning] } : { data };
}
