// The time limits of one run, and the watch over the CPU time that its container uses.
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerOptions } from '../job/options/options.js';
import type { StopReason } from '../job/outcome.js';
import type { RunningContainer } from './backend.js';
import type { Stop } from './stop.js';

/** What counts for one job: the operator's limit and its own. */
export interface TimeLimits {
  readonly runTimeMs: number;
  /** Undefined: as much as it can get. */
  readonly cpuTimeMs: number | undefined;
}

/** The shorter run time counts. */
export function timeLimits(
  { limits = {} }: ContainerOptions,
  { maxRunTimeMs }: { readonly maxRunTimeMs: number },
): TimeLimits {
  const { runTimeMs = maxRunTimeMs, cpuTimeMs } = limits;
  return { runTimeMs: Math.min(runTimeMs, maxRunTimeMs), cpuTimeMs };
}

/** The limit that a stop carries out, in milliseconds. */
export function limitBehind(reason: StopReason | undefined, limits: TimeLimits): number {
  return reason === 'cpu_limit' ? (limits.cpuTimeMs ?? 0) : limits.runTimeMs;
}

/** Between two questions. A container with many CPUs may exceed its limit by this much on each of them. */
const intervalMs = 500;

/**
 * Asks the container for its CPU time and requests a stop once the limit is reached. The engine keeps the sum, so that it
 * goes on over a restart of this process. While the engine does not answer nothing is known, and it is asked again.
 */
export function watchCpuTime(
  running: Pick<RunningContainer, 'cpuTimeMs'>,
  limitMs: number | undefined,
  stop: Pick<Stop, 'request'>,
): Disposable {
  const over = new AbortController();
  if (limitMs !== undefined) void watch(running, limitMs, { stop, signal: over.signal });
  return { [Symbol.dispose]: () => over.abort() };
}

async function watch(
  running: Pick<RunningContainer, 'cpuTimeMs'>,
  limitMs: number,
  { stop, signal }: { stop: Pick<Stop, 'request'>; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const used = await running.cpuTimeMs().catch(() => undefined);
    if (signal.aborted) return;
    if (used !== undefined && used >= limitMs) return stop.request('cpu_limit');
    await delay(intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
