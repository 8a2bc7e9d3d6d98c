// Declares what a door is to the app: its paths, its routes, its form of errors.

import type { Hono } from 'hono';
import type { Door } from '../job/job.js';
import type { DoorPlanner } from '../job/parents/planner.js';
import type { AppParts, PlannerParts } from './parts.js';
import type { ApiContext, ApiEnv } from './request/env.js';
import type { Fault } from './request/errors.js';

/** One folder of `src/api/`. Its line in `app.ts` is all that the rest of the program knows of it. */
export interface ApiDoor {
  /** Undefined: it cannot be switched off. */
  readonly name: Door | undefined;
  /** Whether a path belongs to it, also one that it does not have: its first segments say so. */
  owns(path: string): boolean;
  add(app: Hono<ApiEnv>, parts: AppParts): void;
  /** Whether a path is that of a WebSocket; undefined: the door has none. */
  isWebSocketPath?(path: string): boolean;
  /** Answers any error on its paths in its own form. */
  answerFault(c: ApiContext, fault: Fault): Response;
  answerUnknownPath(c: ApiContext): Response;
  /** Of a door that has parents: jobs that start other jobs. */
  planner?(parts: PlannerParts): DoorPlanner;
}
