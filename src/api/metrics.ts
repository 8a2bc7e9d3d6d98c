import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { jobStates } from '../job/state.js';
import type { AppParts } from './parts.js';

export interface MetricsText {
  readonly type: string;
  readonly text: string;
}

export interface AnsweredRequest {
  readonly code: number;
  readonly method: string;
  /** The pattern of the route: with ids in it, each job would make a series of its own. */
  readonly path: string;
  readonly seconds: number;
}

export interface Metrics {
  observe(request: AnsweredRequest): void;
  render(): Promise<MetricsText>;
}

type MetricsParts = Pick<AppParts, 'queue' | 'blockers' | 'alarms' | 'log'>;

/** What Prometheus reads. Each app has a registry of its own, so that two in one process do not meet. */
export function createMetrics({ queue, blockers, alarms, log }: MetricsParts): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const requests = newRequestHistogram(register);
  const jobs = newJobGauge(register);
  const blocked = newBlockerGauge(register);
  addAlarmCounter(register, alarms);
  return {
    observe: ({ seconds, code, ...labels }) => requests.observe({ code: String(code), ...labels }, seconds),
    render: async () => {
      await fill(jobs, queue).catch((error: unknown) => {
        jobs.reset(); // No number is better than an old one.
        log.warn('Could not count the jobs for the metrics.', { error });
      });
      for (const { part, reason } of blockers()) blocked.set({ part }, reason === undefined ? 0 : 1);
      return { type: register.contentType, text: await register.metrics() };
    },
  };
}

function newRequestHistogram(register: Registry): Histogram<'code' | 'method' | 'path'> {
  return new Histogram({
    name: 'stint_http_request_duration_seconds',
    help: 'Time to answer a request, by status code, method and route pattern.',
    labelNames: ['code', 'method', 'path'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [register],
  });
}

function newJobGauge(register: Registry): Gauge<'state'> {
  return new Gauge({
    name: 'stint_jobs',
    help: 'Stored jobs by state.',
    labelNames: ['state'],
    registers: [register],
  });
}

function newBlockerGauge(register: Registry): Gauge<'part'> {
  return new Gauge({
    name: 'stint_claims_blocked',
    help: 'Whether this node takes no jobs because this part is away: 1 or 0.',
    labelNames: ['part'],
    registers: [register],
  });
}

/** Told by others: what they count is read when somebody asks. */
function addAlarmCounter(register: Registry, alarms: MetricsParts['alarms']): void {
  const counter = new Counter({
    name: 'stint_alarms_total',
    help: 'Security alarms of this node, by code.',
    labelNames: ['code'],
    registers: [register],
    collect: () => {
      counter.reset();
      for (const [code, count] of alarms()) counter.inc({ code }, count);
    },
  });
}

async function fill(jobs: Gauge<'state'>, queue: AppParts['queue']): Promise<void> {
  const counts = await queue.counts();
  for (const state of jobStates) jobs.set({ state }, 0);
  for (const { state, count } of counts) jobs.inc({ state }, count);
}
