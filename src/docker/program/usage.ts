// What the processes of a container use.
import type { ProcessUsage } from '../../job/options/usage.js';
import type { Engine, ListedProcess } from '../engine/engine.js';

/** Undefined for one that does not run. What this engine cannot tell of it is left out. */
export async function usageOf(
  engine: Pick<Engine, 'findContainer' | 'processes' | 'cpuTime'>,
  id: string,
): Promise<ProcessUsage | undefined> {
  const facts = await engine.findContainer(id);
  if (facts?.pid === undefined) return undefined;
  const [listed, cpuTimeMs] = await Promise.all([
    engine.processes(id).catch(() => []),
    engine.cpuTime(id).catch(() => undefined),
  ]);
  return { osPid: facts.pid, cpuTimeMs, ...sumOf(listed) };
}

/** A list without processes says nothing: some engines do not see those of their containers. */
function sumOf(listed: readonly ListedProcess[]): Omit<ProcessUsage, 'osPid' | 'cpuTimeMs'> {
  const sum = (field: keyof ListedProcess) =>
    listed.length === 0 ? undefined : listed.reduce((total, each) => total + each[field], 0);
  return {
    cpuPercent: sum('cpuPercent'),
    memoryPercent: sum('memoryPercent'),
    residentBytes: sum('residentBytes'),
    virtualBytes: sum('virtualBytes'),
  };
}
