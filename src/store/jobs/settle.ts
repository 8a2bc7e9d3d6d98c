// Settles jobs whose node restarted or died: back to the queue, canceled, failed or lost.
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { ClaimKey } from './claim.js';

/** What became of a job whose node died. */
export interface Settled {
  readonly id: string;
  /** `failed`: set aside, because it was active too often when its node died. */
  readonly state: 'queued' | 'canceled' | 'failed' | 'lost';
  readonly tokenAccessor: string | null;
  /** The job that got the turn instead. */
  readonly next: string | null;
}

/** At this number of node deaths while a job was being prepared, the job is set aside. */
const deathLimit = 3;

/**
 * Settles the jobs that this node claimed, except those in `known`. Before the point of no return a job returns to the queue,
 * or is canceled when a kill was asked for; after it the job is lost. There are two uses:
 *
 * - `restarted`: before the node claims anything, and only after all containers of its previous process were removed, except
 *   those of `known`. It counts as a death of the node.
 * - `unsure`: the reply to a claim was lost and no other claim is in progress. `known` are the jobs that the node works on.
 *   It does not count as a death.
 */
export async function settleOwnJobs(
  sql: Sql,
  node: string,
  known: readonly ClaimKey[] = [],
  cause: 'restarted' | 'unsure' = 'restarted',
): Promise<Settled[]> {
  return settle(sql, {
    actor: node,
    whose: { node, known: arrayText(known.map((claim) => claim.fence)), graceMs: null },
    code: 'node_restarted',
    message: 'The node was restarted, or lost the answer to its claim, before the job began.',
    lostMessage: 'The node was restarted while the job ran.',
    deaths: cause === 'restarted' ? 1 : 0,
    holdMs: null,
  });
}

/** The rules by which a node settles the jobs of other nodes. */
export interface LossRules {
  /** How long after the end of its lease a job is settled. */
  readonly graceMs: number;
  /** How long a queue is held at most for a container that may still run. */
  readonly holdMs: number;
}

/**
 * Settles the jobs of every node whose lease ended longer ago than the grace, by the same rules. When a container may still
 * run, the queue is held. A job that was never marked running was never started, because its node starts nothing after the
 * end of its lease. When several nodes do this at once, each job is settled by one of them.
 */
export async function settleDeadJobs(sql: Sql, actor: string, rules: LossRules): Promise<Settled[]> {
  return settle(sql, {
    actor,
    whose: { node: null, known: '{}', graceMs: rules.graceMs },
    code: 'node_lost',
    message: 'The node that had taken the job died before the job began.',
    lostMessage: 'The node that ran the job died.',
    deaths: 1,
    holdMs: rules.holdMs,
  });
}

interface Settling {
  readonly actor: string;
  /** Either the jobs of one node except those with known fences, or the jobs of every node after a grace. */
  readonly whose: { readonly node: string | null; readonly known: string; readonly graceMs: number | null };
  readonly code: string;
  readonly message: string;
  readonly lostMessage: string;
  readonly deaths: 0 | 1;
  readonly holdMs: number | null;
}

/** A held queue does not pass the turn on; the statement that ends the hold does. */
async function settle(sql: Sql, { whose, ...how }: Settling): Promise<Settled[]> {
  return guarded(
    () => sql<Settled[]>`
      with held as (
        select id, case when unwrapped_at is not null or state <> 'preparing' then 'lost'
                        when kill_requested_at is not null then 'canceled'
                        when node_deaths + ${how.deaths} >= ${deathLimit} then 'failed'
                        else 'queued' end as next,
               ${how.holdMs}::int is not null and state <> 'preparing' and queue is not null as holds
        from jobs
        where state in ('preparing', 'running', 'stopping')
          and case when ${whose.node}::text is not null
                   then node = ${whose.node} and fence <> all(${whose.known}::bigint[])
                   else lease_until < clock_timestamp() - ${whose.graceMs}::int * interval '1 millisecond' end
        order by seq
        for update
      ), settled as (
        update jobs set
          state = next, turn = next = 'queued', lease_until = null, node_deaths = node_deaths + ${how.deaths},
          finished_at = case when next <> 'queued' then clock_timestamp() end,
          started_at = case when next <> 'queued' then started_at end,
          reason = case next when 'failed' then 'infrastructure' end,
          code = case next when 'canceled' then 'killed' when 'failed' then 'node_killer' else ${how.code} end,
          message = case next when 'queued' then ${how.message} when 'canceled' then 'job killed'
                              when 'failed' then ${setAside} else ${how.lostMessage} end,
          output_complete = next <> 'lost',
          output_flaw = case next when 'lost' then ${how.code} end
        from held
        where jobs.id = held.id
        returning jobs.*, held.holds
      ), spent as (
        delete from job_requests using settled where job_id = settled.id and settled.state <> 'queued'
      ), stopped as (
        update queues set
          hold_until = clock_timestamp() + ${how.holdMs}::int * interval '1 millisecond', holder = settled.id,
          hold_job = settled.id, hold_reason = ${how.code}, hold_engine = nodes.engine_id
        from settled left join nodes on nodes.id = settled.node
        where settled.holds and queues.name = settled.queue
        returning queues.hold_job, queues.hold_until
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, state, ${`node:${how.actor}`},
               jsonb_strip_nulls(jsonb_build_object('code', code, 'of', node, 'hold_until', stopped.hold_until))
        from settled left join stopped on stopped.hold_job = settled.id
      )
      select id, state, token_accessor,
             case when state <> 'queued' and queue is not null and not holds then pass_turn(queue) end as next,
             case when state = 'queued' and queue is not null then withhold_turn(queue) end as withheld
      from settled`,
  );
}

const setAside = `The job was set aside: ${deathLimit} times its node died while it prepared the job.`;

/**
 * Ended jobs whose token is not recorded as revoked. Each node gets its own jobs, all parents, and any job whose node died or
 * whose token is overdue by more than `overdueMs`.
 */
export async function listUnrevoked(
  sql: Sql,
  node: string,
  overdueMs: number,
): Promise<{ id: string; tokenAccessor: string }[]> {
  return guarded(
    () => sql<{ id: string; tokenAccessor: string }[]>`
      select id, token_accessor from jobs
      where token_accessor is not null and state in ('succeeded', 'failed', 'canceled', 'lost')
        and (node = ${node} or code = 'node_lost' or is_parent
             or finished_at < clock_timestamp() - ${overdueMs} * interval '1 millisecond')
      order by finished_at
      limit 500`,
  );
}
