// Checks that no accepted job is missing, and that queues kept the order of submits without an overlap.
import type { Accepted, History, StoredJob } from '../history/history.js';
import { readWitness } from '../load/witness.js';
import type { Finding } from './finding.js';
import { neighbors } from './neighbors.js';

/** By what the clients were answered and what the jobs printed themselves. */
export function checkOrder(history: History): Finding[] {
  const stored = new Map(history.jobs.map((job) => [job.id, job]));
  const missing = history.accepted.filter(({ id }) => !stored.has(id));
  return [
    { rule: 'accepted jobs that are missing', violations: missing.map(({ id }) => id) },
    { rule: 'jobs not in the order of their answers', violations: disorder(history.accepted, stored) },
    { rule: 'overlaps in a queue, by the jobs themselves', violations: overlaps(history.jobs) },
  ];
}

/** A job that was posted after another job of its queue was accepted must come after it. */
function disorder(accepted: readonly Accepted[], stored: ReadonlyMap<string, StoredJob>): string[] {
  return neighbors(accepted, (a, b) => a.acceptedAt - b.acceptedAt).flatMap(([before, after]) => {
    if (after.postedAt < before.acceptedAt) return [];
    const [first, second] = [stored.get(before.id)?.seq, stored.get(after.id)?.seq];
    if (first === undefined || second === undefined || first < second) return [];
    return [
      `${before.queue}: ${after.id} comes before ${before.id}, which was accepted before it was posted`,
    ];
  });
}

interface Span {
  readonly id: string;
  readonly queue: string;
  readonly from: number;
  readonly to: number;
}

/** By the times that the jobs printed: seconds since the start of the machine, a clock that all jobs share. */
function overlaps(jobs: readonly StoredJob[]): string[] {
  const spans = jobs.flatMap(({ id, queue, output }): Span[] => {
    const witness = readWitness(output);
    return witness === undefined ? [] : [{ id, queue, from: witness.from, to: witness.to ?? witness.from }];
  });
  return neighbors(spans, (a, b) => a.from - b.from || a.to - b.to).flatMap(([before, after]) =>
    after.from >= before.to
      ? []
      : [`${before.queue}: ${after.id} began at ${after.from} s, ${before.id} ended at ${before.to} s`],
  );
}
