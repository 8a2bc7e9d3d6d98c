// The statements that claim ready jobs and extend the leases of claims.
import type { Door } from '../../job/job.js';
import type { ContainerOptions } from '../../job/options/options.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { sealedPartBytes } from '../requests/parts.js';

/** A claimed job. Every later write names `id` and `fence` and changes nothing when the claim is old. */
export interface ClaimedRow {
  readonly id: string;
  readonly fence: string;
  readonly queue: string | null;
  readonly door: Door;
  readonly ownerKey: string;
  /** The job that started it. */
  readonly parent: string | null;
  readonly slot: number | null;
  readonly ownerName: string;
  readonly jobName: string | null;
  readonly project: string | null;
  readonly jobKind: string | null;
  readonly requester: string | null;
  readonly options: ContainerOptions | null;
  readonly image: string | null;
  /**
   * The first bytes of the sealed request; `readSealed` has the others. Null when the stored request is gone although the job
   * waits: the worker must end the job, or its queue would stop.
   */
  readonly sealed: Uint8Array | null;
  /** Of the whole sealed request. */
  readonly sealedBytes: number | null;
}

/** A claim by its two keys. `fence` is a bigint as text. */
export interface ClaimKey {
  readonly id: string;
  readonly fence: string;
}

/**
 * Claims up to `limit` ready jobs, oldest first, but none of the owners in `without`. Reads only the index of ready jobs, and whether the node is drained.
 */
export async function claimJobs(
  sql: Sql,
  claim: { node: string; limit: number; leaseMs: number; without?: readonly string[] },
): Promise<ClaimedRow[]> {
  const without = arrayText(claim.without ?? []);
  return guarded(
    () => sql<ClaimedRow[]>`
      with ready as (
        select id from jobs
        where state = 'queued' and turn and (not_before is null or not_before <= clock_timestamp())
          and owner_key <> all (${without}::text[])
          and not exists (select 1 from nodes where nodes.id = ${claim.node} and draining)
        order by seq
        for update skip locked
        limit ${claim.limit}
      ), claimed as (
        update jobs set
          state = 'preparing', node = ${claim.node}, fence = nextval('job_fences'),
          lease_until = clock_timestamp() + ${claim.leaseMs} * interval '1 millisecond',
          started_at = clock_timestamp(), not_before = null, code = null, message = null
        from ready
        where jobs.id = ready.id
        returning jobs.*
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'claimed', 'node:' || node, jsonb_build_object('fence', fence) from claimed
      )
      select claimed.id, claimed.fence, claimed.queue, claimed.door, claimed.owner_key, claimed.parent,
             claimed.slot, claimed.owner_name, claimed.job_name, claimed.project, claimed.job_kind, claimed.requester,
             claimed.options, claimed.image,
             substring(job_requests.sealed from 1 for ${sealedPartBytes}::integer) as sealed,
             octet_length(job_requests.sealed) as sealed_bytes
      from claimed left join job_requests on job_requests.job_id = claimed.id
      order by claimed.seq`,
  );
}

/** What a heartbeat learns about a claim that is still ours. */
export interface LeaseRow {
  readonly id: string;
  readonly fence: string;
  readonly killRequested: boolean;
}

/** Extends the leases of these claims. A claim that is missing from the answer is no longer ours. */
export async function extendLeases(
  sql: Sql,
  claims: readonly ClaimKey[],
  leaseMs: number,
): Promise<LeaseRow[]> {
  const ids = arrayText(claims.map((claim) => claim.id));
  const fences = arrayText(claims.map((claim) => claim.fence));
  return guarded(
    () => sql<LeaseRow[]>`
      update jobs set lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      from unnest(${ids}::text[], ${fences}::bigint[]) as ours (id, fence)
      where jobs.id = ours.id and jobs.fence = ours.fence and jobs.state in ('preparing', 'running', 'stopping')
      returning jobs.id, jobs.fence, jobs.kill_requested_at is not null as kill_requested`,
  );
}
