// Builds GoStint's health answer: counters of jobs and of the engine, all as text.

import type { JobCount } from '../../queue/queue.js';
import type { EngineSummary } from '../parts.js';
import { countByStatus } from './states.js';

export interface HealthFacts {
  readonly draining: boolean;
  readonly counts: readonly JobCount[];
  readonly engine: EngineSummary | undefined;
}

/** GoStint's counters, each value a text. Without an engine its keys are missing. */
export function toWireHealth({ draining, counts, engine }: HealthFacts): Record<string, string> {
  const byStatus = countByStatus(counts);
  const all = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  return {
    state: draining ? 'draining' : 'active',
    all_jobs: String(all),
    queued_jobs: String(byStatus.queued),
    running_jobs: String(byStatus.running),
    notauthorised_jobs: String(byStatus.notauthorised),
    stopping_jobs: String(byStatus.stopping),
    success_jobs: String(byStatus.success),
    failed_jobs: String(byStatus.failed),
    unknown_jobs: String(byStatus.unknown),
    ...(engine !== undefined && toWireEngine(engine)),
  };
}

function toWireEngine(engine: EngineSummary): Record<string, string> {
  return {
    containers: String(engine.containers),
    containers_running: String(engine.containersRunning),
    containers_paused: String(engine.containersPaused),
    containers_stopped: String(engine.containersStopped),
    images: String(engine.images),
    mem_total: String(engine.memTotalBytes),
    architecture: engine.architecture,
    operating_system: engine.operatingSystem,
  };
}
