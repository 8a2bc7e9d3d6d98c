// The interface of engines and auth methods, and how they route requests by path.

import { type Fields, listed, type Reply } from '../http/reply.js';
import type { Token } from '../token/tokens.js';

/** The operation of a request, before it is known whether a write creates. */
export type Operation = 'read' | 'write' | 'delete' | 'list';

/** A request that has passed the token check, for the engine at its path. */
export interface EngineRequest {
  readonly operation: Operation;
  /** The path below the mount. */
  readonly path: string;
  /** The mount itself, with its slash, such as `auth/approle/`. */
  readonly mount: string;
  /** The body, or the query of a read. */
  readonly body: Fields;
  /** Undefined where the path needs no token. */
  readonly token: Token | undefined;
  readonly isSudo: boolean;
  /** The token as it was sent, checked or not. */
  readonly sentToken: string;
  /** The default time to live of what is issued here, as tuned at the mount. */
  readonly usualSeconds: number;
  /** 0: the answer is not wrapped. */
  readonly wrapSeconds: number;
}

/** What can be mounted: a secrets engine, an auth method, or one of Vault's own. */
export interface Engine {
  handle(request: EngineRequest): Reply | undefined;
  /** Decides whether a write creates or updates, which are two rights. Undefined where Vault does not check: an update. */
  exists?(path: string, token: Token | undefined): boolean | undefined;
  /** True for paths that need no token, such as logins. */
  isOpen?(path: string): boolean;
  /** True for paths that also need the right `sudo`. */
  needsSudo?(path: string): boolean;
}

type Handler = (request: EngineRequest, names: readonly string[]) => Reply | undefined;

/** The operations of paths that match a pattern. The pattern's groups are passed to the handlers. */
export interface Route extends Partial<Readonly<Record<Operation, Handler>>> {
  readonly pattern: RegExp;
}

/** The first pattern that matches counts. */
export function dispatch(routes: readonly Route[], request: EngineRequest): Reply | undefined {
  for (const route of routes) {
    const match = route.pattern.exec(request.path);
    if (match === null) continue;
    const handler = route[request.operation];
    if (handler === undefined) throw listed(405, 'unsupported operation');
    return handler(request, match.slice(1));
  }
  throw listed(404, 'unsupported path');
}
