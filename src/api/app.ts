import { Hono } from 'hono';
import { limitDeclaredBody } from './body.js';
import type { ApiContext, ApiEnv } from './env.js';
import { faultOf } from './errors.js';
import { answerBadPath, answerFault, answerUnknownPath, answerWrongMethod } from './gostint/errors.js';
import { addGostint } from './gostint/routes.js';
import { addHealth } from './health.js';
import { createMetrics } from './metrics.js';
import { observeRequests, startRequest } from './observe.js';
import type { AppParts } from './parts.js';

/** All doors as one app. What no door knows is answered in GoStint's form. */
export function createApp(parts: AppParts): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>({ strict: false }); // One slash at the end is ignored, never redirected.
  const metrics = createMetrics(parts);
  app.onError((error, c) => answerFault(c, faultOf(error)));
  app.notFound((c: ApiContext) => (isDecodable(c.req.url) ? answerUnknownPath(c) : answerBadPath(c)));
  app.use(startRequest, observeRequests(parts.log, metrics), limitDeclaredBody(parts.bodyLimitBytes));
  addHealth(app, parts, answerWrongMethod);
  addGostint(app, { ...parts, renderMetrics: () => metrics.render() });
  return app;
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(new URL(url).pathname);
    return true;
  } catch {
    return false;
  }
}
