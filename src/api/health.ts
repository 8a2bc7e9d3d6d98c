// The liveness and readiness endpoints, `/healthz` and `/readyz`.

import type { Hono } from 'hono';
import { BrokenError } from '../job/errors.js';
import type { AppParts, Dependency } from './parts.js';
import type { ApiEnv } from './request/env.js';
import { type AnswerWrongMethod, addRoute } from './request/route.js';

/** A part that does not answer within this time is not ready. Shorter than the usual timeout of readiness checks. */
const checkTimeoutMs = 3000;
/** An answer of a part counts for so long: strangers may ask as often as they like. */
const freshMs = 1000;

/**
 * `/healthz`: the process runs; if it does not answer, restart it. `/readyz`: it can take requests and jobs; the answer
 * names each part that it needs. Neither needs a token.
 */
export function addHealth(app: Hono<ApiEnv>, parts: AppParts, answerWrongMethod: AnswerWrongMethod): void {
  const read = parts.dependencies.map((part) => [part.name, atMostOften(() => readPart(part))] as const);
  addRoute(app, '/healthz', { GET: (c) => c.json({ status: 'ok' }) }, answerWrongMethod);
  const GET = async (c: Parameters<AnswerWrongMethod>[0]) => {
    const readiness = await readReadiness(parts, read);
    return c.json(readiness, readiness.status === 'ready' ? 200 : 503);
  };
  addRoute(app, '/readyz', { GET }, answerWrongMethod);
}

interface PartState {
  readonly ready: boolean;
  readonly message: string;
}

interface Readiness {
  readonly status: 'ready' | 'draining' | 'not ready';
  readonly parts: Readonly<Record<string, PartState>>;
  /** Why this node takes no jobs now: what a probe of a part found, never the words of a job. Missing when it takes them. */
  readonly takes_no_jobs?: string;
}

type ReadParts = readonly (readonly [name: string, read: () => Promise<PartState>])[];

async function readReadiness({ isDraining, blockers }: AppParts, parts: ReadParts): Promise<Readiness> {
  const states = await Promise.all(parts.map(async ([name, read]) => [name, await read()] as const));
  const blocker = blockers().find(({ reason }) => reason !== undefined);
  const ready = blocker === undefined && states.every(([, state]) => state.ready);
  const status = isDraining() ? 'draining' : ready ? 'ready' : 'not ready';
  const blocked = blocker?.reason === undefined ? {} : { takes_no_jobs: blocker.reason };
  return { status, parts: Object.fromEntries(states), ...blocked };
}

/** Callers share one answer: the one that is under way, or that came less than `freshMs` ago. */
function atMostOften(read: () => Promise<PartState>): () => Promise<PartState> {
  let latest: Promise<PartState> | undefined;
  let staleAt = Number.POSITIVE_INFINITY;
  return () => {
    if (latest !== undefined && performance.now() < staleAt) return latest;
    staleAt = Number.POSITIVE_INFINITY;
    latest = read().finally(() => {
      staleAt = performance.now() + freshMs;
    });
    return latest;
  };
}

async function readPart({ name, check }: Dependency): Promise<PartState> {
  const timeout = waitFor(checkTimeoutMs);
  try {
    const isLate = await Promise.race([check().then(() => false), timeout.over]);
    if (isLate)
      return { ready: false, message: `${name} did not answer within ${checkTimeoutMs / 1000} seconds.` };
    return { ready: true, message: `${name} answers.` };
  } catch (error) {
    if (error instanceof BrokenError) return { ready: false, message: error.message };
    return { ready: false, message: `${name} could not be reached.` };
  } finally {
    timeout.cancel();
  }
}

function waitFor(ms: number): { over: Promise<true>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  return { over, cancel: () => clearTimeout(timer) };
}
