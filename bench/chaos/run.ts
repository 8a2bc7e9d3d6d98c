import { setInterval } from 'node:timers';
import type { Log } from '../../rig/process.js';
import { Closers } from '../../src/closers.js';
import { collectJobs, waitForQuiet } from './collect.js';
import { type FaultOptions, inflictFaults } from './faults.js';
import type { History } from './history.js';
import { waitForNothingLeft } from './left-behind.js';
import { Load, type LoadReport } from './load.js';
import { Random } from './random.js';
import { buildStage, type Stage } from './stage.js';
import { readAudit } from './vault-audit.js';

export interface ChaosOptions {
  readonly jobs: number;
  readonly queues: number;
  /** The load ends then, even where not all jobs were posted. */
  readonly loadMs: number;
  readonly seed: number;
  /** Between the beginnings of two faults; undefined for a load without any. */
  readonly faultPauseMs: FaultOptions['pauseMs'] | undefined;
  readonly logDirectory?: string | undefined;
  /** Rejects when somebody wants the run to end early; what it started is ended then. */
  readonly interruption?: Promise<never>;
  readonly log: Log;
}

export interface ChaosResult {
  readonly history: History;
  readonly load: LoadReport;
  readonly seconds: { readonly load: number; readonly quiet: number };
}

const leaseMs = 3_000;
/** How long jobs may take to end once all faults are over, and clean-ups after that. */
const quietLimitMs = 120_000;
const cleanLimitMs = 45_000;
const progressMs = 10_000;

const forever = new Promise<never>(() => undefined);

/** Load and faults from one seed, then peace, then everything that anybody saw. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const closers = new Closers();
  try {
    const { logDirectory, log, interruption = forever } = options;
    const stage = await Promise.race([buildStage({ leaseMs, logDirectory, log }, closers), interruption]);
    return await Promise.race([runOn(stage, options), interruption]);
  } finally {
    await closers.close();
  }
}

async function runOn(stage: Stage, options: ChaosOptions): Promise<ChaosResult> {
  const { jobs, queues, seed, loadMs, log } = options;
  const startedAt = Date.now();
  const until = startedAt + loadMs;
  const random = new Random(seed);
  const load = new Load(stage, { jobs, queues, seed, until, unended: 2 * queues, random });
  await load.prepare();
  const over = new AbortController();
  const timer = setInterval(() => log(load.progress), progressMs);
  const { faultPauseMs: pauseMs } = options;
  const chaos = { random: new Random(seed + 1), leaseMs, log };
  const inflicting = pauseMs && inflictFaults(stage, { ...chaos, pauseMs }, over.signal);
  const report = await load.run().finally(async () => {
    over.abort();
    await inflicting;
  });
  const faults = (await inflicting) ?? [];
  const loadedAt = Date.now();
  log('all faults are over');
  await waitForQuiet(stage.sql, quietLimitMs);
  const quietAt = Date.now();
  clearInterval(timer);
  log('looking for what is left');
  const left = await waitForNothingLeft(stage.places, cleanLimitMs);
  const history: History = {
    accepted: report.accepted,
    refusals: report.refusals,
    jobs: await collectJobs(stage.sql),
    engine: stage.events.flatMap(({ events }) => events),
    faults,
    deaths: stage.nodes.flatMap(({ name, deaths }) => Array.from({ length: deaths }, () => name)),
    left,
    vault: await readAudit(stage.auditFile),
    secret: stage.secret,
  };
  const seconds = { load: (loadedAt - startedAt) / 1000, quiet: (quietAt - loadedAt) / 1000 };
  return { history, load: report, seconds };
}
