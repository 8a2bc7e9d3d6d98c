import { type Fields, listed, type Reply } from '../http/reply.js';
import type { Token } from '../token/tokens.js';

/** What a request wants, before it is known whether a write creates. */
export type Operation = 'read' | 'write' | 'delete' | 'list';

/** A request that has passed the token check, on its way to what is mounted there. */
export interface EngineRequest {
  readonly operation: Operation;
  /** Below the mount. */
  readonly path: string;
  /** The mount itself, with its slash, such as `auth/approle/`. */
  readonly mount: string;
  /** The body, or the query of a read. */
  readonly body: Fields;
  /** Nobody's where the path is open. */
  readonly token: Token | undefined;
  readonly isSudo: boolean;
  /** As it was sent, checked or not. */
  readonly sentToken: string;
  /** How long what is given here lasts where nothing else is said: as the mount is tuned. */
  readonly usualSeconds: number;
  /** 0: the answer is not to be wrapped. */
  readonly wrapSeconds: number;
}

/** What can be mounted: a secrets engine, an auth method, or one of Vault's own. */
export interface Engine {
  handle(request: EngineRequest): Reply | undefined;
  /** Whether a write creates or updates, which are two rights; undefined where Vault does not look: it updates. */
  exists?(path: string, token: Token | undefined): boolean | undefined;
  /** Needs no token, as logins do. */
  isOpen?(path: string): boolean;
  /** Needs the right `sudo` besides. */
  needsSudo?(path: string): boolean;
}

type Handler = (request: EngineRequest, names: readonly string[]) => Reply | undefined;

/** What one shape of path can do. The pattern's groups are handed on as names. */
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
