// Builds the Hono app from all routes, with the error format that fits each path.

import { Hono } from 'hono';
import { answerBadPath, answerFault, answerUnknownPath, answerWrongMethod } from './gostint/errors.js';
import { addGostint } from './gostint/routes.js';
import { addHealth } from './health.js';
import { observeRequests, startRequest } from './http/observe.js';
import { createMetrics } from './metrics.js';
import { answerNoSuchPath, answerProblem } from './native/problem.js';
import { addNative, nativePrefix } from './native/routes.js';
import type { AppParts } from './parts.js';
import { limitDeclaredBody } from './request/body.js';
import type { ApiContext, ApiEnv } from './request/env.js';
import { faultOf } from './request/errors.js';

/** Paths outside the native prefix are answered in GoStint's format. */
export function createApp(parts: AppParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>({ strict: false }); // One slash at the end is ignored, never redirected.
  const metrics = createMetrics(parts);
  app.onError((error, c) => (isNative(c) ? answerProblem : answerFault)(c, faultOf(error)));
  app.notFound((c: ApiContext) => answerNotFound(c));
  app.use(startRequest, observeRequests(parts.log, metrics), limitDeclaredBody(parts.bodyLimitBytes));
  addHealth(app, parts, answerWrongMethod);
  addGostint(app, { ...parts, renderMetrics: () => metrics.render() });
  addNative(app, parts);
  return app;
}

function isNative(c: ApiContext): boolean {
  return c.req.path.startsWith(`${nativePrefix}/`);
}

function answerNotFound(c: ApiContext): Response {
  if (isNative(c)) return answerNoSuchPath(c);
  return isDecodable(c.req.url) ? answerUnknownPath(c) : answerBadPath(c);
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(new URL(url).pathname);
    return true;
  } catch {
    return false;
  }
}
