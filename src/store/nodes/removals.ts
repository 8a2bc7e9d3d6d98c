// Tells the reaper which jobs are alive, and records the containers that it removes.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/**
 * Which of these jobs exist, and which of them have ended. A job that its queue is held for counts as alive: its container
 * must be removed by the sweep that then ends the hold (`src/queue/takeover/dead-nodes.ts`).
 */
export async function readJobFates(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlyMap<string, 'alive' | 'ended'>> {
  const rows = await guarded(
    () => sql<{ id: string; ended: boolean }[]>`
      select id, finished_at is not null
                   and not exists (select from queues where hold_job = jobs.id and hold_until is not null) as ended
      from jobs where id = any(${arrayText(ids)}::text[])`,
  );
  return new Map(rows.map(({ id, ended }) => [id, ended ? 'ended' : 'alive']));
}

/** A container that is about to be removed. */
export interface Removal {
  /** Undefined when it belongs to no job. */
  readonly jobId: string | undefined;
  /** The container's id. */
  readonly id: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

/** Records a removal before it is made, so that none goes unrecorded. May be repeated: a container is recorded once. */
export async function recordRemoval(sql: Sql, { jobId, id, actor, detail }: Removal): Promise<void> {
  const job = jobId ?? null;
  await guarded(
    () => sql`
      insert into events (job_id, kind, actor, detail)
      select ${job}::text, 'container_removed', ${actor}::text, ${JSON.stringify({ ...detail, id })}::text::jsonb
      where not exists (
        select from events
        where (job_id = ${job}::text or (job_id is null and ${job}::text is null))
          and kind = 'container_removed' and detail ->> 'id' = ${id}::text
      )`,
  );
}
