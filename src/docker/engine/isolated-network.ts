// The network `isolated`: a bridge of stint's own, on which no container reaches another.
import { BrokenError } from '../../job/errors.js';
import type { Engine, NetworkFacts } from './engine.js';
import { EngineError } from './errors.js';
import { apart, isolated, isolatedName, isolatedNetwork } from './networks.js';

type Networks = Pick<Engine, 'hasNetwork' | 'findNetwork' | 'createNetwork'>;

/**
 * Whether the engine has a network; the isolated one is made where it is missing. Throws `BrokenError` for one of its name that
 * lets containers reach each other.
 */
export async function ensureNetwork(engine: Networks, name: string): Promise<boolean> {
  if (name !== isolated) return await engine.hasNetwork(name);
  const found = (await engine.findNetwork(isolatedName)) ?? (await makeIsolated(engine));
  if (found.keepsApart) return true;
  throw new BrokenError(
    'engine_unavailable',
    `Expected the network "${isolatedName}" of the engine to keep containers apart (${apart}=false), got one that does not. Remove it there: stint makes it anew.`,
  );
}

/** Another node of this engine may make it at the same moment: the second one is refused, because of the bridge's name. */
async function makeIsolated(engine: Networks): Promise<NetworkFacts> {
  const failure = await engine.createNetwork(isolatedNetwork).catch((error: unknown) => error);
  const made = await engine.findNetwork(isolatedName);
  if (made !== undefined) return made;
  throw failure ?? new EngineError('network', 'network_missing', '');
}
