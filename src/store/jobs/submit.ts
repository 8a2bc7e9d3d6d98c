// Stores a new job in its queue, and forecasts its wait before anything is spent.
import { BrokenError, FencedError, RefusedError } from '../../job/errors.js';
import type { Door, Job, JobLabel } from '../../job/job.js';
import type { ContainerOptions } from '../../job/options/options.js';
import type { Owner } from '../../job/owner.js';
import { type StepFacts, stepParts } from '../parents/step.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { KeyClaim } from './idempotency.js';
import { type JobRow, jobColumns, toJob } from './rows.js';

/** The parts that `storeSealedPart` stored in one attempt to store one job. */
export interface Upload {
  readonly id: string;
  readonly parts: number;
}

/** A job to be stored; `sealed` holds all of its confidential parts, encrypted. */
export interface NewJob {
  readonly id: string;
  readonly door: Door;
  readonly queue: string | null;
  readonly owner: Owner;
  readonly label?: JobLabel | undefined;
  readonly options?: ContainerOptions | undefined;
  readonly sealed: Uint8Array;
  /** What belongs behind `sealed` in a long request, stored before in parts. */
  readonly uploaded?: Upload | undefined;
  readonly unlistAfterMs?: number | undefined;
  /** Undefined: not known before the job is prepared. */
  readonly image?: string | undefined;
  /** How long its wrapping token is still valid, if known. A duration, because the clocks of two machines never agree. */
  readonly wrapLeftMs?: number | undefined;
  /** How many may wait in a queue that has no limit of its own; 0 or undefined: any number. */
  readonly queueLimit?: number | undefined;
  /** The key under which a client may repeat the submit: job and answer are stored together, or neither is. */
  readonly once?: (KeyClaim & { readonly warnings: readonly string[] }) | undefined;
  /** The first progress of a parent; undefined: the job runs a container. */
  readonly parent?: { readonly progress: unknown } | undefined;
  /** Of a child: the step of its parent, which is stored together with it. */
  readonly child?: ChildFacts | undefined;
}

export interface ChildFacts {
  readonly slot: number;
  /** Whether the lists of its door show it. */
  readonly listed: boolean;
  readonly step: StepFacts;
}

/**
 * Stores a job at the end of its queue. `ready` says that it has the turn, so the nodes should be woken. Throws
 * `RefusedError` `queue_full`, or `name_taken` for the name of another listed job.
 *
 * 1. `queue_row` locks the queue's row until commit, so the jobs of one queue get their `seq` in the order of commits.
 * 2. `place` counts the waiting jobs, after the lock, unless the job has the turn.
 * 3. The job gets the turn when no job has it and the queue is neither paused nor held. A hold whose time is over still
 *    counts until a statement ends it, since older jobs wait for that. `place` comes before `job` in the plan because `job`
 *    reads from it: so the sequence is drawn after the lock.
 * 4. With an idempotency key, the job is stored only while the claim of the key is ours (`key_is_ours`), together with the
 *    answer; otherwise `FencedError` is thrown.
 * 5. A child is stored together with the step of its parent that starts it (`stepped`), or neither is: `FencedError`. The
 *    limit of its queue does not count: its parent was let in. Its queue is locked before the step (`child_queue`): the end
 *    of another child passes the turn and then wakes the parent, and in the other order the two would deadlock.
 * 6. The parts of a long request are put together behind its head and deleted, whatever becomes of the job. Where one is
 *    missing nothing is stored: `BrokenError`, to be repeated with a new upload.
 */
export async function insertJob(sql: Sql, job: NewJob): Promise<{ job: Job; ready: boolean }> {
  const [row] = await insertRow(sql, job).catch((error: unknown) => {
    throw isTakenName(error) ? nameTaken(job.label?.name ?? '') : error;
  });
  if (row === undefined)
    throw new FencedError('The claim of the key is no longer ours, or the parent has gone on.');
  if (!row.isWhole) throw partMissing();
  if (row.id === null) throw queueFull(job.queue ?? '');
  return { job: toJob(row), ready: row.turn };
}

interface InsertedRow extends JobRow {
  readonly turn: boolean;
  readonly isWhole: boolean;
}

async function insertRow(sql: Sql, job: NewJob): Promise<InsertedRow[]> {
  const { key = null, claim = null, warnings = [] } = job.once ?? {};
  const { id: upload = null, parts = 0 } = job.uploaded ?? {};
  const { child, parent } = job;
  const progress = parent === undefined ? null : JSON.stringify(parent.progress);
  const step = child?.step ?? { id: '', revision: '0', progress: null, noted: [] };
  const mayStep = sql`(select is_whole from rest) and (select count(*) from child_queue) >= 0`;
  return guarded(
    () => sql<InsertedRow[]>`
      with uploaded as (
        delete from request_parts where upload = ${upload}::uuid returning part, sealed
      ), rest as (
        select coalesce(string_agg(sealed, ''::bytea order by part), ''::bytea) as sealed,
               count(*) = ${parts}::integer as is_whole from uploaded
      ), own_key as (
        select key from idempotency_keys
        where owner_key = ${job.owner.key} and key = ${key} and claim = ${claim} and answer is null for update
      ), child_queue as (
        select from queues where name = ${job.queue} and ${child !== undefined}::boolean for no key update
      ), ${stepParts(sql, step, undefined, mayStep)}, key_is_ours as (
        select rest.is_whole from rest
        where (${key}::text is null or exists (select from own_key))
          and (${child === undefined}::boolean or not is_whole or exists (select from stepped))
      ), queue_row as (
        insert into queues as q (name, holder)
        select ${job.queue}::text, ${job.id}::text from key_is_ours where ${job.queue}::text is not null and is_whole
        on conflict (name) do update set holder = case
          when q.paused_at is null and q.hold_until is null then coalesce(q.holder, excluded.holder) else q.holder end
        returning name, holder, case when ${child === undefined}::boolean
          then coalesce(max_waiting, nullif(${job.queueLimit ?? 0}::integer, 0)) end as most
      ), place as (
        select coalesce(holder = ${job.id}::text, false) as turn from queue_row
        where most is null or holder = ${job.id}::text or count_waiting(name, most) < most
        union all
        select ${parent === undefined}::boolean from key_is_ours where ${job.queue}::text is null and is_whole
      ), job as (
        insert into jobs (id, queue, state, turn, door, owner_key, owner_name, wrap_expires_at, job_name, project,
                          job_kind, requester, options, unlist_after_ms, image, is_parent, parent, slot, unlisted_at)
        select ${valuesOf(sql, job)}
        from place
        returning *
      ), planned as (
        insert into parents (job_id, progress) select id, ${progress}::text::jsonb from job where is_parent
      ), request as (
        insert into job_requests (job_id, counted_for, sealed)
        select job.id, job.owner_key, ${job.sealed}::bytea || rest.sealed from job, rest
      ), recorded as (
        insert into events (job_id, kind, actor) select id, 'submitted', ${job.owner.key} from job
      ), answered as (
        update idempotency_keys as k set answer = jsonb_build_object(
          'job', to_jsonb(job), 'warnings', ${JSON.stringify(warnings)}::text::jsonb) from job
        where k.owner_key = job.owner_key and k.key = ${key} and k.claim = ${claim}
      )
      select ${jobColumns(sql, 'job')}, job.turn, key_is_ours.is_whole from key_is_ours left join job on true`,
  );
}

/** What `insertRow` stores in the columns that it names; `place` is in its statement. */
function valuesOf(sql: Sql, { id, queue, door, owner, label = {}, parent, child, ...job }: NewJob) {
  const { name = null, project = null, kind = null, requester = null } = label;
  const options = job.options === undefined ? null : JSON.stringify(job.options);
  return sql`
    ${id}::text, ${queue}::text, 'queued', place.turn, ${door}::text, ${owner.key}::text, ${owner.displayName}::text,
    clock_timestamp() + ${job.wrapLeftMs ?? null}::float8 * interval '1 millisecond',
    ${name}::text, ${project}::text, ${kind}::text, ${requester}::text, ${options}::text::jsonb,
    ${job.unlistAfterMs ?? null}::bigint, ${job.image ?? null}::text, ${parent !== undefined}::boolean,
    ${child?.step.id ?? null}::text, ${child?.slot ?? null}::integer,
    case when not ${child?.listed ?? true}::boolean then clock_timestamp() end`;
}

function partMissing(): BrokenError {
  const message = 'Could not store the job: Postgres lost a part of its request.';
  return new BrokenError('database_unavailable', message);
}

/** The whole statement was undone: the queue's row too, and the parts are there as before. */
function isTakenName(error: unknown): boolean {
  const cause =
    error instanceof Error ? (error.cause as { constraint_name?: unknown } | undefined) : undefined;
  return cause?.constraint_name === 'jobs_listed_name';
}

function nameTaken(name: string): RefusedError {
  return new RefusedError(
    'name_taken',
    `The name "${name}" is taken by another job that is still listed: delete that one first, or choose another name.`,
  );
}

/** The same text, whether the limit was found before anything was spent or only at the insert. */
export function queueFull(queue: string): RefusedError {
  return new RefusedError(
    'queue_full',
    `The queue "${queue}" is full: as many jobs wait in it as it may hold. Submit the job again later, with new credentials if these are spent.`,
  );
}

/** The state of a queue as a job submitted now would find it. */
export interface QueueForecast {
  readonly full: boolean;
  /** Jobs before it, including the one that has the turn: all, or those of one owner; counted to a thousand at most. */
  readonly ahead: number;
  /** The median run time of the last jobs of the queue; null when none has run. */
  readonly typicalRunMs: number | null;
}

/** A forecast looks at no more jobs than this, unless the limit of the queue is higher. */
const longestForecast = 1_000;

/**
 * Reads without a lock, to refuse before anything is spent; `insertJob` decides. Without a queue it only tests Postgres. With an
 * owner nothing but `full` tells of the jobs of others.
 */
export async function readQueueForecast(
  sql: Sql,
  queue: string | null,
  queueLimit: number,
  owner: string | null = null,
): Promise<QueueForecast> {
  const [row] = await guarded(
    () => sql<QueueForecast[]>`
      with queue_row as (
        select name, coalesce(max_waiting, nullif(${queueLimit}::integer, 0)) as most,
               exists (select from jobs where queue = name and turn) as taken,
               exists (select from jobs where queue = name and turn
                         and (${owner}::text is null or owner_key = ${owner})) as seen_taken,
               paused_at is not null or hold_until is not null as closed,
               count_waiting(name, greatest(max_waiting, ${queueLimit}::integer, ${longestForecast})) as waiting
        from queues where name = ${queue}::text
      ), behind as (
        select owner_key from jobs
        where ${owner}::text is not null and queue = ${queue}::text and state = 'queued' and not turn
        order by seq limit ${longestForecast}
      ), recent as (
        select started_at, finished_at, owner_key from jobs
        where queue = ${queue}::text and state in ('succeeded', 'failed', 'canceled', 'lost')
        order by seq desc limit 20
      )
      select coalesce((taken or closed) and waiting >= most, false) as full,
             coalesce(seen_taken::integer, 0)
               + case when ${owner}::text is null then coalesce(waiting, 0)
                      else (select count(*)::integer from behind where owner_key = ${owner}) end as ahead,
             (select percentile_cont(0.5) within group (order by extract(epoch from finished_at - started_at) * 1000)
              from recent where started_at is not null and (${owner}::text is null or owner_key = ${owner}))::float8 as typical_run_ms
      from (values (1)) as one left join queue_row on true`,
  );
  return row ?? { full: false, ahead: 0, typicalRunMs: null };
}

/** The next number for a process of gaffer's jobs; no other caller gets the same. */
export async function drawPid(sql: Sql): Promise<number> {
  const [row] = await guarded(() => sql<{ pid: number }[]>`select nextval('gaffer_pids')::float8 as pid`);
  return row?.pid ?? 0;
}

/** The next number for the name of a job; no other caller gets the same. */
export async function drawNameNumber(sql: Sql): Promise<number> {
  const [row] = await guarded(
    () => sql<{ number: number }[]>`select nextval('generated_names')::float8 as number`,
  );
  return row?.number ?? 0;
}
