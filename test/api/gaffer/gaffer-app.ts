import { defaultFlapping } from '../../../src/api/gaffer/supervision/brake.js';
import { createPlanner } from '../../../src/api/gaffer/supervision/planner.js';
import type { AppParts } from '../../../src/api/parts.js';
import type { ProcessUsage } from '../../../src/job/options/usage.js';
import { FakeParents } from '../../support/fake-parents.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';

export interface GafferApp extends Omit<TestApp, 'queue'> {
  readonly queue: FakeParents;
  /** The signals that were sent, as `signal pid`. */
  readonly signals: string[];
  /** What processes use, by pid. */
  readonly usage: Map<string, ProcessUsage>;
  /** Status and body of the answer. A body that is not a text is sent as JSON. */
  readonly ask: (method: string, path: string, body?: unknown) => Promise<Answer>;
  /** Loads a job `shop.web`, changed as a test needs it. */
  readonly load: (changes?: object) => Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export const accepted: Answer = { status: 202, body: { ok: true } };
export const missing: Answer = { status: 404, body: { error: 'not_found', errno: 404 } };

/** The app over a queue in memory whose parents are carried on by the door's planner. Pids begin with 1. */
export function createGafferApp(changes: Partial<AppParts> = {}): GafferApp {
  let pid = 0;
  const drawPid = async () => ++pid;
  const queue = new FakeParents(createPlanner({ drawPid, flapping: defaultFlapping }));
  const signals: string[] = [];
  const usage = new Map<string, ProcessUsage>();
  const nameOf = async (id: string) => queue.job(id).label.name ?? '';
  const processes: AppParts['processes'] = {
    signal: async (id, reach, signal) => {
      queue.check(id, reach);
      signals.push(`${signal} ${await nameOf(id)}`);
    },
    usage: async (id, reach) => {
      queue.check(id, reach);
      return usage.get(await nameOf(id));
    },
  };
  const app = createTestApp({ queue, processes, drawPid, ...changes });
  const ask: GafferApp['ask'] = async (method, path, body) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    return answerOf(await app.send(method, path, text));
  };
  const load = (fields: object = {}) => ask('POST', '/jobs/shop', { name: 'web', cmd: 'httpd', ...fields });
  return { ...app, queue, signals, usage, ask, load };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
}
