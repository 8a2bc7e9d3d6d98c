// Types of the Hono context that handlers and middleware share.

import type { Context, MiddlewareHandler } from 'hono';
import type { Caller } from '../../job/owner.js';
import type { Taken } from '../../job/payload/memory-budget.js';
import type { Rights } from '../../job/rights/rights.js';

/** What middleware sets for the handlers of one request. */
export interface ApiEnv {
  Variables: {
    requestId: string;
    /** Set on paths that need a token. */
    caller: Caller;
    /** What Vault allows the caller; set with `caller`. */
    rights: Rights;
    /** The job the request is about, for the log. */
    jobId: string | undefined;
    /** What the request takes of the memory for all of them. */
    memory: Taken;
    /** Set when the answer is a WebSocket. */
    isUpgraded: true | undefined;
  };
}

export type ApiContext = Context<ApiEnv>;
export type ApiMiddleware = MiddlewareHandler<ApiEnv>;
