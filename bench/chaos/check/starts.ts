// Checks the engines' events: each job started at most once, one job of a queue at a time, in order.
import type { EngineEvent, History } from '../history/history.js';
import type { Finding } from './finding.js';
import { neighbors } from './neighbors.js';

/** When a job's container ran, by the engines' events. */
interface Life {
  readonly jobId: string;
  readonly queue: string;
  readonly seq: number;
  readonly from: number;
  /** Undefined where no engine reported the end, because the engine itself was down. */
  readonly to: number | undefined;
}

/** Uses the engines' events alone. */
export function checkStarts(history: History): Finding[] {
  const starts = history.engine.filter(({ action }) => action === 'start');
  const pairs = neighbors(livesOf(history, starts), (a, b) => a.from - b.from);
  return [
    { rule: 'double starts', violations: doubleStarts(starts) },
    { rule: 'overlaps in a queue, by the engines', violations: pairs.flatMap(overlap) },
    { rule: 'starts out of order in a queue', violations: pairs.flatMap(disorder) },
  ];
}

function doubleStarts(starts: readonly EngineEvent[]): string[] {
  const count = new Map<string, number>();
  for (const { jobId } of starts) count.set(jobId, (count.get(jobId) ?? 0) + 1);
  return [...count].filter(([, times]) => times > 1).map(([id, times]) => `${id} was started ${times} times`);
}

function livesOf({ engine, jobs }: History, starts: readonly EngineEvent[]): Life[] {
  const deaths = engine.filter(({ action }) => action === 'die');
  const ends = new Map(deaths.map((event) => [event.containerId, event.at]));
  const known = new Map(jobs.map((job) => [job.id, job]));
  return starts.flatMap(({ jobId, containerId, at }) => {
    const job = known.get(jobId);
    if (job === undefined) return [];
    return { jobId, queue: job.queue, seq: job.seq, from: at, to: ends.get(containerId) };
  });
}

/** Where no engine reported the end this rule finds nothing; the rule by the jobs' own times still applies. */
function overlap([before, after]: [Life, Life]): string[] {
  if (before.to === undefined || after.from >= before.to || before.jobId === after.jobId) return [];
  const ms = (before.to - after.from).toFixed(0);
  return [`${before.queue}: ${after.jobId} began ${ms} ms before ${before.jobId} had ended`];
}

function disorder([before, after]: [Life, Life]): string[] {
  if (after.seq >= before.seq) return [];
  return [`${before.queue}: ${before.jobId} was started before ${after.jobId}, which was submitted first`];
}
