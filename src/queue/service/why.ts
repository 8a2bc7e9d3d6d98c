// Explains to an operator, in one sentence, why a queue does not move.
import type { NodeView, QueueHold, QueueHolder, QueueView } from '../operations.js';

/** What else decides whether a job is claimed. */
export interface QueueContext {
  readonly nodes: readonly NodeView[];
  /** Why the node that answers claims no jobs now; undefined when it claims them. */
  readonly blocker: string | undefined;
}

/** Why the first waiting job of a queue does not run. Causes are tried in order; the first that applies must be removed first. */
export function whyWaiting(queue: QueueView, around: QueueContext): string {
  const { hold, pause, holder } = queue;
  if (holder !== undefined && holder.state !== 'queued') return whyBehind(holder);
  if (hold !== undefined) return whyHeld(hold);
  if (pause !== undefined)
    return `The queue was paused by ${pause.by} at ${pause.at.toISOString()}: ${pause.reason}`;
  if (holder !== undefined) return whyNotTaken(holder, around);
  return queue.waiting > 0 ? 'The turn is being passed to the next job.' : 'No job waits.';
}

function whyBehind(holder: QueueHolder): string {
  return `Job ${holder.id} is ${holder.state} on node ${holder.node ?? 'unknown'}.`;
}

const causes: Readonly<Record<string, string>> = {
  job_failed: 'which failed, and failures hold this queue',
  job_lost: 'which was lost, and failures hold this queue',
  node_lost: 'whose node died, so its container may still run',
  engine_lost: 'whose engine gave no answer, so its container may still run',
  finalised: 'which an operator ended without an answer of its engine, so its container may still run',
};

function whyHeld({ job, reason, until }: QueueHold): string {
  const end = until === undefined ? 'until an operator releases it' : `until ${until.toISOString()} at most`;
  return `The queue is held because of job ${job ?? 'unknown'}, ${causes[reason] ?? reason}: ${end}.`;
}

function whyNotTaken(holder: QueueHolder, { nodes, blocker }: QueueContext): string {
  const first = `Job ${holder.id} has the turn`;
  if (holder.message !== undefined) return `${first} and waits: ${holder.message}`;
  const alive = nodes.filter((node) => node.alive);
  if (alive.length === 0) return `${first}, but no node is alive.`;
  const taking = alive.filter((node) => !node.draining);
  if (taking.length === 0) return `${first}, but every node that is alive is draining.`;
  if (taking.every((node) => node.active >= node.slots)) return `${first}, but no node has a free slot.`;
  if (blocker !== undefined) return `${first}, but this node takes no jobs now: ${blocker}`;
  return `${first} and is about to be taken by a node.`;
}
