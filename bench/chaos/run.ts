// One chaos run: builds the stage, applies load and faults, waits until all jobs ended, collects the history.
import { setInterval } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../rig/process.js';
import { Closers } from '../../src/server/closers.js';
import { collectJobs, waitForQuiet } from './history/collect.js';
import type { History, Injected } from './history/history.js';
import { waitForNothingLeft } from './history/left-behind.js';
import { readAudit, stopAudit } from './history/vault-audit.js';
import { Load, type LoadReport } from './load/load.js';
import { Random } from './load/random.js';
import { letClocksJump } from './stage/clocks.js';
import { type FaultOptions, injectFaults } from './stage/faults.js';
import { buildStage, type Stage } from './stage/stage.js';

export interface ChaosOptions {
  readonly jobs: number;
  readonly queues: number;
  /** The load ends then, even where not all jobs were posted. */
  readonly loadMs: number;
  readonly seed: number;
  /** Between the beginnings of two faults; undefined for a load without any. */
  readonly faultPauseMs: FaultOptions['pauseMs'] | undefined;
  /** The nodes' clocks are an hour wrong and jump. That is not a fault: it excuses no violation. */
  readonly wrongClocks?: boolean;
  readonly logDirectory?: string | undefined;
  /** Rejects when the run must end early; everything that it started is stopped then. */
  readonly interruption?: Promise<never>;
  readonly log: Log;
}

export interface ChaosResult {
  readonly history: History;
  readonly load: LoadReport;
  readonly seconds: { readonly load: number; readonly quiet: number };
}

const leaseMs = 3_000;
/** How long jobs may take to end after the last fault, and how long clean-ups may take after that. */
const quietLimitMs = 120_000;
const cleanLimitMs = 45_000;
/** How long an interruption waits for a stage that is still being built. */
const buildLimitMs = 30_000;
const progressMs = 10_000;

const forever = new Promise<never>(() => undefined);

/** Load and faults come from one seed. Afterwards everything that was recorded is collected. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { wrongClocks = false, logDirectory, log, interruption = forever } = options;
  const closers = new Closers();
  const building = buildStage({ leaseMs, wrongClocks, logDirectory, log }, closers);
  try {
    return await runOn(await Promise.race([building, interruption]), options);
  } finally {
    // After an interruption the stage may still be opening what must be closed.
    await Promise.race([building.catch(() => undefined), delay(buildLimitMs, undefined, { ref: false })]);
    await closers.close();
  }
}

async function runOn(stage: Stage, options: ChaosOptions): Promise<ChaosResult> {
  const { log, interruption = forever } = options;
  const startedAt = Date.now();
  const { load, faults } = await applyLoadAndFaults(stage, options);
  const loadedAt = Date.now();
  log('all faults are over');
  await Promise.race([waitForQuiet(stage.sql, quietLimitMs), interruption]);
  const quietAt = Date.now();
  log('checking what is left');
  const left = await Promise.race([waitForNothingLeft(stage.places, cleanLimitMs), interruption]);
  await stopAudit(stage.vault);
  const history: History = {
    accepted: load.accepted,
    doubtful: load.doubtful,
    refusals: load.refusals,
    jobs: await collectJobs(stage.sql),
    engine: stage.events.flatMap(({ events }) => events),
    faults,
    deaths: stage.nodes.flatMap(({ name, deaths }) => Array.from({ length: deaths }, () => name)),
    left,
    vault: await readAudit(stage.vault, stage.auditFile),
    secret: stage.secret,
  };
  const seconds = { load: (loadedAt - startedAt) / 1000, quiet: (quietAt - loadedAt) / 1000 };
  return { history, load, seconds };
}

/** After an interruption too, faults are undone before anything is closed: undoing one starts what it had stopped. */
async function applyLoadAndFaults(
  stage: Stage,
  options: ChaosOptions,
): Promise<{ readonly load: LoadReport; readonly faults: readonly Injected[] }> {
  const { jobs, queues, seed, loadMs, log, interruption = forever } = options;
  const { faultPauseMs: pauseMs, wrongClocks } = options;
  const until = Date.now() + loadMs;
  const random = new Random(seed);
  const load = new Load(stage, { jobs, queues, seed, until, unended: 2 * queues, random });
  await load.prepare();
  const over = new AbortController();
  const timer = setInterval(() => log(load.progress), progressMs);
  const chaos = { random: new Random(seed + 1), leaseMs, log };
  const jumping = wrongClocks ? letClocksJump(stage.nodes, over.signal) : undefined;
  const injecting = pauseMs && injectFaults(stage, { ...chaos, pauseMs }, over.signal);
  const report = await Promise.race([load.run(), interruption]).finally(async () => {
    over.abort();
    clearInterval(timer);
    await Promise.all([jumping, injecting]);
  });
  return { load: report, faults: (await injecting) ?? [] };
}
