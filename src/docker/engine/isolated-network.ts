// The network `isolated`: a bridge of stint's own, on which no container reaches another.
import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError } from '../../job/errors.js';
import type { Engine, NetworkFacts } from './engine.js';
import { EngineError } from './errors.js';
import { apart, isolated, isolatedName, isolatedNetwork } from './networks.js';

type Networks = Pick<Engine, 'hasNetwork' | 'findNetwork' | 'createNetwork'>;

/**
 * Whether the engine has a network; the isolated one is made where it is missing. Throws `BrokenError` for one of its name that
 * lets containers reach each other.
 */
export async function ensureNetwork(
  engine: Networks,
  name: string,
  patience = patienceWithOthers,
): Promise<boolean> {
  if (name !== isolated) return await engine.hasNetwork(name);
  const found = (await engine.findNetwork(isolatedName)) ?? (await makeIsolated(engine, patience));
  if (found.keepsApart) return true;
  throw new BrokenError(
    'engine_unavailable',
    `Expected the network "${isolatedName}" of the engine to keep containers apart (${apart}=false), got one that does not. Remove it there: stint makes it anew.`,
  );
}

/**
 * Another job or node may make it at the same moment. The second one is refused, because of the bridge's name, and that some time
 * before the engine lists what the first one made.
 */
async function makeIsolated(engine: Networks, patience: Patience): Promise<NetworkFacts> {
  const until = performance.now() + patience.ms;
  for (;;) {
    const failure = await engine.createNetwork(isolatedNetwork).catch((error: unknown) => error);
    const made = await engine.findNetwork(isolatedName);
    if (made !== undefined) return made;
    if (performance.now() >= until) throw failure ?? new EngineError('network', 'network_missing', '');
    await delay(patience.everyMs);
  }
}

interface Patience {
  readonly ms: number;
  readonly everyMs: number;
}

const patienceWithOthers: Patience = { ms: 5_000, everyMs: 50 };
