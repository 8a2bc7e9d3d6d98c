// The statements behind a caller's kill, delete and unlist, limited to the jobs within reach; and the end of a listing.
import type { Job, JobName } from '../../job/job.js';
import type { Reach } from '../../job/owner.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { type JobRow, jobColumns, toJob } from './rows.js';

/** Who asks, and which jobs they may reach. */
export interface Requester {
  readonly reach: Reach;
  /** The owner key recorded in the history. */
  readonly actor: string;
  /** Recorded there too. */
  readonly reason?: string | undefined;
}

/** The owner key that a statement compares with; null allows every owner. */
export function ownerFilter(reach: Reach): string | null {
  return reach.everyone ? null : reach.ownerKey;
}

/** The queues whose jobs are within reach beside the owner's own: as an array of JSON, since names may hold anything. */
function queueFilter(reach: Reach): { readonly names: string; readonly withoutQueue: boolean } | undefined {
  const queues = reach.everyone ? [] : (reach.queues ?? []);
  if (queues.length === 0) return undefined;
  return {
    names: JSON.stringify(queues.filter((name) => name !== null)),
    withoutQueue: queues.includes(null),
  };
}

/** Where a job is for the rights of others: a parent is where its children run, since its output is theirs. */
export function placeOfJob(sql: Sql) {
  return sql`coalesce(jobs.queue, case when jobs.is_parent then
    (select child.queue from jobs as child where child.parent = jobs.id order by child.seq limit 1) end)`;
}

/** The condition of statements that list jobs. */
export function listable(sql: Sql, reach: Reach) {
  const owner = ownerFilter(reach);
  const queues = queueFilter(reach);
  if (queues === undefined) return sql`(${owner}::text is null or owner_key = ${owner})`;
  const place = placeOfJob(sql);
  return sql`(owner_key = ${owner} or case when ${place} is null then ${queues.withoutQueue}::boolean
    else ${place} in (select jsonb_array_elements_text(${queues.names}::text::jsonb)) end)`;
}

/**
 * Records a kill request; a waiting job ends at once and passes the turn on. A waiting parent is let in, to end by its next step,
 * because something may have to be cleaned up. Returns the job as it was before, or undefined when it is out of reach. Has no
 * effect on an ended job; safe to repeat.
 *
 * Only a job that has the turn may pass it on. A waiting one would lock its own row first and its queue second, but passing
 * the turn locks them in the other order, which can deadlock.
 */
export async function requestKill(
  sql: Sql,
  id: string,
  asker: Requester,
): Promise<{ job: Job; nextReady: boolean } | undefined> {
  const owner = ownerFilter(asker.reach);
  const rows = await guarded(
    () => sql<(JobRow & { next: string | null })[]>`
      with asked as (
        select * from jobs where id = ${id} and (${owner}::text is null or owner_key = ${owner}) for update
      ), marked as (
        update jobs set kill_requested_at = clock_timestamp(), kill_requested_by = ${asker.actor},
                        state = case when jobs.is_parent and jobs.state = 'queued' then 'preparing' else jobs.state end
        from asked
        where jobs.id = asked.id and asked.kill_requested_at is null
          and (asked.state in ('preparing', 'running', 'stopping') or (asked.state = 'queued' and asked.is_parent))
        returning jobs.id
      ), canceled as (
        update jobs set state = 'canceled', turn = false, finished_at = clock_timestamp(), not_before = null,
                        code = 'killed', message = 'job killed',
                        kill_requested_at = clock_timestamp(), kill_requested_by = ${asker.actor}
        from asked
        where jobs.id = asked.id and asked.state = 'queued' and not asked.is_parent
        returning jobs.id, jobs.queue, asked.turn
      ), spent as (
        delete from job_requests using canceled where job_id = canceled.id
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, kind, ${asker.actor}::text, jsonb_strip_nulls(jsonb_build_object('reason', ${asker.reason ?? null}::text))
        from (select id, 'kill_requested' as kind from marked union all select id, 'canceled' from canceled) as asked_for
      )
      select ${jobColumns(sql, 'asked')}, coalesce(asked.kill_requested_at, clock_timestamp()) as kill_requested_at,
             (select pass_turn(queue) from canceled where queue is not null and turn) as next
      from asked`,
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return { job: toJob(row), nextReady: row.next !== null };
}

/** Jobs of a node with a kill request. Each is listed until the job has ended. Reads only the index of active jobs. */
export async function listKills(sql: Sql, node: string): Promise<{ id: string }[]> {
  return guarded(
    () => sql<{ id: string }[]>`
      select id from jobs
      where node = ${node} and state in ('preparing', 'running', 'stopping') and kill_requested_at is not null`,
  );
}

/** Takes a job off the lists of its own door; its name there is free again. May be repeated. False: it is out of reach. */
export async function unlistJob(sql: Sql, id: string, asker: Requester): Promise<boolean> {
  const owner = ownerFilter(asker.reach);
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with asked as (
        select id from jobs where id = ${id} and (${owner}::text is null or owner_key = ${owner})
      ), moved as (
        update jobs set unlisted_at = clock_timestamp() from asked
        where jobs.id = asked.id and jobs.unlisted_at is null
        returning jobs.id
      ), recorded as (
        insert into events (job_id, kind, actor) select id, 'unlisted', ${asker.actor}::text from moved
      )
      select id from asked`,
  );
  return rows.length > 0;
}

/** Takes the job off that is listed under a name although its time there is over. False: there is none. */
export async function unlistExpired(
  sql: Sql,
  ownerKey: string,
  { door, project = '', name }: JobName,
  actor: string,
): Promise<boolean> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with moved as (
        update jobs set unlisted_at = clock_timestamp()
        where owner_key = ${ownerKey} and door = ${door} and coalesce(project, '') = ${project} and job_name = ${name}
          and unlisted_at is null and clock_timestamp() >= finished_at + unlist_after_ms * interval '1 millisecond'
        returning id
      ), recorded as (
        insert into events (job_id, kind, actor) select id, 'unlisted', ${actor}::text from moved
      )
      select id from moved`,
  );
  return rows.length > 0;
}

/**
 * Takes up to `limit` jobs off whose time is over, and answers how many. Lists leave them out anyway: this keeps the index
 * of listed jobs as short as the lists.
 */
export async function unlistAllExpired(sql: Sql, limit: number, actor: string): Promise<number> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with due as (
        select id from jobs
        where unlist_after_ms is not null and unlisted_at is null
          and clock_timestamp() >= finished_at + unlist_after_ms * interval '1 millisecond'
        limit ${limit}
        for update skip locked
      ), moved as (
        update jobs set unlisted_at = clock_timestamp() from due where jobs.id = due.id returning jobs.id
      ), recorded as (
        insert into events (job_id, kind, actor) select id, 'unlisted', ${actor}::text from moved
      )
      select id from moved`,
  );
  return rows.length;
}

/**
 * Removes a waiting or ended job with its output, and a parent with its children; their events stay. `active` means that
 * nothing was done. A child counts as active until its parent has noted its end.
 */
export async function deleteJob(
  sql: Sql,
  id: string,
  asker: Requester,
): Promise<{ answer: 'deleted' | 'active' | 'missing'; nextReady: boolean }> {
  const owner = ownerFilter(asker.reach);
  const rows = await guarded(
    () => sql<{ gone: boolean; next: string | null }[]>`
      with asked as (
        select id, state, turn from jobs where id = ${id} and (${owner}::text is null or owner_key = ${owner}) for update
      ), gone as (
        delete from jobs using asked
        where jobs.id = asked.id and asked.state not in ('preparing', 'running', 'stopping')
          and (jobs.parent is null or jobs.noted)
        returning jobs.id, jobs.queue, jobs.state, asked.turn
      ), children as (
        select jobs.id, jobs.state from jobs where jobs.parent = ${id} and exists (select from gone)
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'deleted', ${asker.actor}::text, jsonb_build_object('state', state)
        from (select id, state from gone union all select id, state from children) as deleted
      )
      select exists (select 1 from gone) as gone,
             (select pass_turn(queue) from gone where queue is not null and turn) as next
      from asked`,
  );
  const row = rows[0];
  if (row === undefined) return { answer: 'missing', nextReady: false };
  return { answer: row.gone ? 'deleted' : 'active', nextReady: row.next !== null };
}
