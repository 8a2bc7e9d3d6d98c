// The Prometheus metrics: HTTP requests, jobs by state, blocked claims, security alarms, removed jobs.

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
  /** The pattern of the route: with ids in it, each job would create a new time series. */
  readonly path: string;
  readonly seconds: number;
}

export interface Metrics {
  observe(request: AnsweredRequest): void;
  render(): Promise<MetricsText>;
}

type MetricsParts = Pick<AppParts, 'queue' | 'blockers' | 'alarms' | 'removedJobs' | 'log'>;

/** Each app has its own registry, so that two apps in one process do not share metrics. */
export function createMetrics({ queue, blockers, alarms, removedJobs, log }: MetricsParts): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const requests = newRequestHistogram(register);
  const jobs = newJobGauge(register);
  const blocked = newBlockerGauge(register);
  addAlarmCounter(register, alarms);
  addRemovedCounter(register, removedJobs);
  return {
    observe: ({ seconds, code, ...labels }) => requests.observe({ code: String(code), ...labels }, seconds),
    render: async () => {
      await fill(jobs, queue).catch((error: unknown) => {
        jobs.reset(); // No number is better than an outdated one.
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
    help: 'Whether this node takes no jobs because this part is unavailable: 1 or 0.',
    labelNames: ['part'],
    registers: [register],
  });
}

/** The counts are kept elsewhere, and are read at each scrape. */
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

function addRemovedCounter(register: Registry, removedJobs: MetricsParts['removedJobs']): void {
  const counter = new Counter({
    name: 'stint_removed_jobs_total',
    help: 'Ended jobs that this node removed by retention.',
    registers: [register],
    collect: () => {
      counter.reset();
      counter.inc(removedJobs());
    },
  });
}

async function fill(jobs: Gauge<'state'>, queue: AppParts['queue']): Promise<void> {
  const counts = await queue.counts();
  for (const state of jobStates) jobs.set({ state }, 0);
  for (const { state, count } of counts) jobs.inc({ state }, count);
}
