import type { ClaimKey } from './claim.js';
import { arrayText, type Sql } from './connection.js';
import { guarded } from './errors.js';

/** What became of the jobs that a node held when it died. */
export interface Settled {
  readonly id: string;
  readonly state: 'queued' | 'canceled' | 'lost';
  readonly tokenAccessor: string | null;
}

/**
 * Settles the jobs that this node held in an earlier life. Before the point of no return they go back to the queue, or
 * are canceled where that was asked for; after it they are lost. To be called before the node claims anything, and only
 * when its containers are gone from the engine; later only with the claims that it works on, when the reply to a claim
 * was lost and no other claim is under way.
 */
export async function settleOwnJobs(
  sql: Sql,
  node: string,
  known: readonly ClaimKey[] = [],
): Promise<Settled[]> {
  const fences = arrayText(known.map((claim) => claim.fence));
  return guarded(
    () => sql<Settled[]>`
      with held as (
        select id, case when unwrapped_at is not null or state <> 'preparing' then 'lost'
                        when kill_requested_at is not null then 'canceled' else 'queued' end as next
        from jobs
        where node = ${node} and state in ('preparing', 'running', 'stopping')
          and fence <> all(${fences}::bigint[])
        for update
      ), settled as (
        update jobs set
          state = next, turn = next = 'queued', lease_until = null,
          finished_at = case when next <> 'queued' then clock_timestamp() end,
          started_at = case when next <> 'queued' then started_at end,
          code = case next when 'canceled' then 'killed' else 'node_restarted' end,
          message = case next when 'queued' then 'The node was restarted, or lost sight of the job, before it began.'
                              when 'canceled' then 'job killed'
                              else 'The node was restarted while the job ran.' end,
          output_complete = next <> 'lost',
          output_flaw = case next when 'lost' then 'node_restarted' end
        from held
        where jobs.id = held.id
        returning jobs.id, jobs.queue, jobs.state, jobs.token_accessor
      ), spent as (
        delete from job_requests using settled where job_id = settled.id and settled.state <> 'queued'
      ), told as (
        insert into events (job_id, kind, actor) select id, state, ${`node:${node}`} from settled
      )
      select id, state, token_accessor,
             case when state <> 'queued' and queue is not null then pass_turn(queue) end as next
      from settled`,
  );
}

/** Ended jobs whose token has not been seen revoked: the list that a clean-up works off. */
export async function listUnrevoked(
  sql: Sql,
  node: string,
): Promise<{ id: string; tokenAccessor: string }[]> {
  return guarded(
    () => sql<{ id: string; tokenAccessor: string }[]>`
      select id, token_accessor from jobs
      where node = ${node} and token_accessor is not null
        and state in ('succeeded', 'failed', 'canceled', 'lost')`,
  );
}
