// Reads the jobs of a chaos run from Postgres with plain SQL, without stint's own store.
import { setTimeout as delay } from 'node:timers/promises';
import type { Sql } from 'postgres';
import type { StoredJob } from './history.js';

/** Waits until every job has ended, at most until the limit. Returns whether they have. */
export async function waitForQuiet(sql: Sql, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    const rows = await sql<{ count: number }[]>`
      select count(*)::int as count from jobs where state not in ('succeeded', 'failed', 'canceled', 'lost')`.catch(
      () => undefined,
    );
    if (rows?.[0]?.count === 0) return true;
    await delay(pauseMs);
  }
  return false;
}

const pauseMs = 300;

interface JobRow {
  readonly id: string;
  readonly seq: string;
  readonly queue: string;
  readonly state: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly exit_code: number | null;
  readonly submitted_at: Date;
  readonly finished_at: Date | null;
  readonly kill_requested_at: Date | null;
  readonly output_complete: boolean;
}

/** Reads all jobs with their output and their events. The checker must not rely on the code that it checks. */
export async function collectJobs(sql: Sql): Promise<StoredJob[]> {
  const rows = await sql<JobRow[]>`select * from jobs order by seq`;
  const chunks = await sql<
    { job_id: string; bytes: Buffer }[]
  >`select job_id, bytes from job_output order by job_id, seq`;
  const events = await sql<
    { job_id: string; kind: string; at: Date }[]
  >`select job_id, kind, at from events order by seq`;
  const outputs = group(chunks, ({ bytes }) => bytes);
  const histories = group(events, ({ kind, at }) => ({ kind, at: at.getTime() }));
  return rows.map((row) => ({
    id: row.id,
    seq: Number(row.seq),
    queue: row.queue,
    state: row.state,
    reason: row.reason ?? undefined,
    code: row.code ?? undefined,
    exitCode: row.exit_code ?? undefined,
    submittedAt: row.submitted_at.getTime(),
    finishedAt: row.finished_at?.getTime(),
    killRequested: row.kill_requested_at !== null,
    outputComplete: row.output_complete,
    output: Buffer.concat(outputs.get(row.id) ?? []).toString(),
    events: histories.get(row.id) ?? [],
  }));
}

function group<T extends { readonly job_id: string }, V>(
  rows: readonly T[],
  value: (row: T) => V,
): Map<string, V[]> {
  const groups = new Map<string, V[]>();
  for (const row of rows) {
    const ofJob = groups.get(row.job_id);
    if (ofJob === undefined) groups.set(row.job_id, [value(row)]);
    else ofJob.push(value(row));
  }
  return groups;
}
