// Lets a job print when it ran, and finds jobs of one queue that overlapped.
import type { AnsweredJob } from '../demo/gostint-client.js';

/** When a job ran, in seconds since the start of its machine. */
export interface Witness {
  readonly id: string;
  readonly queue: string;
  readonly from: number;
  readonly to: number;
}

/** A job runs this to report when it ran: its own times do not depend on what stint recorded. */
export const witnessScript = 'cut -d" " -f1 /proc/uptime; usleep 50000; cut -d" " -f1 /proc/uptime';

/** Throws where the job did not print two times. */
export function witnessOf({ _id: id, qname, status, output }: AnsweredJob): Witness {
  const [from = Number.NaN, to = Number.NaN] = output.trim().split('\n').map(Number);
  if (status === 'success' && from <= to) return { id, queue: qname, from, to };
  throw new Error(`Expected two times from job ${id}, got ${status} ${JSON.stringify(output)}.`);
}

/** Pairs of one queue, in the order of their posts, whose second job began before the first had ended. */
export function findOverlaps(posted: readonly Witness[]): [Witness, Witness][] {
  const last = new Map<string, Witness>();
  const overlaps: [Witness, Witness][] = [];
  for (const witness of posted) {
    const before = last.get(witness.queue);
    if (before !== undefined && witness.from < before.to) overlaps.push([before, witness]);
    last.set(witness.queue, witness);
  }
  return overlaps;
}
