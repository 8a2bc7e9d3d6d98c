import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosNode } from './node.js';

const hourMs = 3_600_000;
const jumpEveryMs = 5_000;

/**
 * Makes one node's clock an hour ahead and the other's an hour behind, and lets them change places again and again until the
 * signal; they stay wrong then. No fault: nothing that happens meanwhile is excused by it.
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
