// Sets the nodes' clocks an hour wrong and lets them jump during the load.
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosNode } from './node.js';

const hourMs = 3_600_000;
const jumpEveryMs = 5_000;

/**
 * Sets one node's clock an hour ahead and the other's an hour behind, and swaps them repeatedly until the signal; they stay
 * wrong then. This is not a fault: it excuses no violation.
 */
export async function letClocksJump(
  nodes: readonly [ChaosNode, ChaosNode],
  over: AbortSignal,
): Promise<void> {
  for (let isOne = true; !over.aborted; isOne = !isOne) {
    const offsetMs = isOne ? hourMs : -hourMs;
    await nodes[0].clock?.set(offsetMs);
    await nodes[1].clock?.set(-offsetMs);
    await delay(jumpEveryMs, undefined, { signal: over }).catch(() => undefined);
  }
}
