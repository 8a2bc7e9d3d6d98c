import type { Context, MiddlewareHandler } from 'hono';
import type { Caller } from '../../job/owner.js';

/** What middleware leaves for the handlers of one request. */
export interface ApiEnv {
  Variables: {
    requestId: string;
    /** Known on paths that need a token. */
    caller: Caller;
    /** The job the request is about, for the log. */
    jobId: string | undefined;
  };
}

export type ApiContext = Context<ApiEnv>;
export type ApiMiddleware = MiddlewareHandler<ApiEnv>;
