// Builds the Hono app from the routes of all doors, with the error format that fits each path.

import { Hono } from 'hono';
import type { Door } from '../job/job.js';
import type { DoorPlanner } from '../job/parents/planner.js';
import { withRights } from '../queue/rights/with-rights.js';
import type { ApiDoor } from './door.js';
import { gaffer } from './gaffer/routes.js';
import { answerWrongMethod } from './gostint/errors.js';
import { createGostint } from './gostint/routes.js';
import { addHealth } from './health.js';
import { observeRequests, startRequest } from './http/observe.js';
import { jobproxy } from './jobproxy/routes.js';
import { lopco } from './lopco/routes.js';
import { createMetrics } from './metrics.js';
import { native } from './native/routes.js';
import type { AppParts, PlannerParts } from './parts.js';
import { limitBodies } from './request/body.js';
import type { ApiContext, ApiEnv } from './request/env.js';
import { faultOf } from './request/errors.js';
import { runai } from './runai/routes.js';

/** The doors beside GoStint's: a new one is added here. */
const otherDoors: readonly ApiDoor[] = [jobproxy, runai, gaffer, lopco, native];

/** Also of doors that are switched off: what they took goes on. */
export function plannersOf(parts: PlannerParts): ReadonlyMap<Door, DoorPlanner> {
  const planners = new Map<Door, DoorPlanner>();
  for (const door of otherDoors) {
    const planner = door.planner?.(parts);
    if (door.name !== undefined && planner !== undefined) planners.set(door.name, planner);
  }
  return planners;
}

/** Whether a door that is switched on takes WebSockets on this path. */
export function isWebSocketPath({ doors }: Pick<AppParts, 'doors'>, path: string): boolean {
  const open = otherDoors.filter(({ name }) => name === undefined || doors.includes(name));
  return open.some((door) => door.isWebSocketPath?.(path) === true);
}

/** Paths that belong to no door, or to one that is switched off, are answered in GoStint's format. */
export function createApp(given: AppParts): Hono<ApiEnv> {
  const parts = { ...given, ...withRights(given, given) }; // No door asks past the rights of its caller.
  const app = new Hono<ApiEnv>({ strict: false }); // One slash at the end is ignored, never redirected.
  const metrics = createMetrics(parts);
  const gostint = createGostint(() => metrics.render());
  const doors = [gostint, ...otherDoors].filter(
    ({ name }) => name === undefined || parts.doors.includes(name),
  );
  const doorOf = (c: ApiContext) => doors.find((door) => door.owns(c.req.path)) ?? gostint;
  app.onError((error, c) => doorOf(c).answerFault(c, faultOf(error)));
  app.notFound((c: ApiContext) => doorOf(c).answerUnknownPath(c));
  app.use(startRequest, observeRequests(parts.log, metrics), limitBodies(parts.bodyLimitBytes, parts.memory));
  addHealth(app, parts, answerWrongMethod);
  for (const door of doors) door.add(app, parts);
  return app;
}
