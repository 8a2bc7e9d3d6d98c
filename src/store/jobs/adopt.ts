// The statement that gives a restarted node its running jobs back, under new fences.
import type { Door } from '../../job/job.js';
import type { ContainerOptions } from '../../job/options/options.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** A job whose container the previous process of this node started, taken over under a new fence. */
export interface AdoptedRow {
  readonly id: string;
  readonly fence: string;
  /** The fence before this adoption. */
  readonly oldFence: string;
  /** The fence of the claim that made the container: it is part of the container's name. */
  readonly containerFence: string;
  readonly queue: string | null;
  readonly door: Door;
  readonly ownerKey: string;
  /** The job that started it. */
  readonly parent: string | null;
  readonly killRequested: boolean;
  readonly tokenAccessor: string | null;
  /** Its token belongs to its parent. */
  readonly sharesLogin: boolean;
  readonly options: ContainerOptions | null;
}

/**
 * Takes over the jobs whose containers the previous process of this node may have started. The new fence rejects writes of
 * that process that arrive late. To be called before anything is removed or settled; may be repeated.
 */
export async function adoptOwnJobs(sql: Sql, node: string, leaseMs: number): Promise<AdoptedRow[]> {
  return guarded(
    () => sql<AdoptedRow[]>`
      with held as (
        select id, fence from jobs where node = ${node} and state in ('running', 'stopping') for update
      ), adopted as (
        update jobs set fence = nextval('job_fences'),
                        lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        from held where jobs.id = held.id
        returning jobs.*, held.fence as old_fence
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'adopted', 'node:' || node, jsonb_build_object('fence', fence) from adopted
      )
      select id, fence, old_fence, coalesce(container_fence, old_fence) as container_fence, queue, door, owner_key,
             parent, kill_requested_at is not null as kill_requested, token_accessor,
             exists (select from jobs where jobs.id = adopted.parent and jobs.token_accessor is not null) as shares_login,
             options
      from adopted order by seq`,
  );
}
