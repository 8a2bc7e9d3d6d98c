import type { AnsweredJob } from '../demo/gostint-client.js';

/** When a job really ran, by the clock of the machine it ran on, in seconds since its start. */
export interface Witness {
  readonly id: string;
  readonly queue: string;
  readonly from: number;
  readonly to: number;
}

/** What a job prints so that it can be its own witness: nobody but the job itself says when it ran. */
export const witnessScript = 'cut -d" " -f1 /proc/uptime; usleep 50000; cut -d" " -f1 /proc/uptime';

/** Throws where the job did not say what it should. */
export function witnessOf({ _id: id, qname, status, output }: AnsweredJob): Witness {
  const [from = Number.NaN, to = Number.NaN] = output.trim().split('\n').map(Number);
  if (status === 'success' && from <= to) return { id, queue: qname, from, to };
  throw new Error(`Expected two times from job ${id}, got ${status} ${JSON.stringify(output)}.`);
}

/** Pairs of one queue, in the order they were posted, whose second began before its first had ended. */
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
