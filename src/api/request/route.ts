// Registers the methods of a path, and the 405 answer for all others.

import type { Handler, Hono } from 'hono';
import type { ApiContext, ApiEnv } from './env.js';

export interface Methods {
  readonly GET?: Handler<ApiEnv>;
  readonly POST?: Handler<ApiEnv>;
  readonly PUT?: Handler<ApiEnv>;
  readonly DELETE?: Handler<ApiEnv>;
}

/** Answers 405 in the format of a door. */
export type AnswerWrongMethod = (c: ApiContext, allowed: readonly string[]) => Response;

/** Adds all methods of one path, and the answer to any other. HEAD is allowed where GET is. */
export function addRoute(
  app: Hono<ApiEnv>,
  path: string,
  methods: Methods,
  answerWrongMethod: AnswerWrongMethod,
): void {
  for (const [method, handler] of Object.entries(methods)) app.on(method, path, handler);
  const allowed = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  app.all(path, (c) => answerWrongMethod(c, allowed));
}
