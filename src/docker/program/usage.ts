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

/** An answer counts for so long: it takes a run of `ps` at the engine, and whoever watches asks each second. */
const freshMs = 500;

/** Many who ask about one container cost no more than one who does. */
export class SharedUsage {
  readonly #read: (id: string) => Promise<ProcessUsage | undefined>;
  /** Those that are being read, or were a moment ago. */
  readonly #known = new Map<string, Promise<ProcessUsage | undefined>>();

  constructor(read: (id: string) => Promise<ProcessUsage | undefined>) {
    this.#read = read;
  }

  of(id: string): Promise<ProcessUsage | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const usage = this.#read(id).finally(() => setTimeout(() => this.#known.delete(id), freshMs).unref());
    this.#known.set(id, usage);
    return usage;
  }
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
