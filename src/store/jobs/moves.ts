// The fenced statements that record a run's progress, from spent credentials to stopping.
import { FencedError } from '../../job/errors.js';
import type { PublishedPort } from '../../job/options/options.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import type { ClaimKey } from './claim.js';
import { fenced } from './fence.js';

/** The result of a move that a kill may forbid. */
export type MoveAnswer = 'moved' | 'kill_requested';

/** Records the point of no return before it is passed. After it a job whose node died is lost and never runs again. */
export async function markSpending(sql: Sql, claim: ClaimKey): Promise<MoveAnswer> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with moved as (
        update jobs set unwrapped_at = clock_timestamp()
        where id = ${claim.id} and fence = ${claim.fence} and state = 'preparing' and kill_requested_at is null
        returning id, node
      ), recorded as (
        insert into events (job_id, kind, actor) select id, 'unwrapping', 'node:' || node from moved
      )
      select id from moved`,
  );
  return rows.length > 0 ? 'moved' : whyNot(sql, claim);
}

/** The credentials are spent: they are deleted. The accessor is stored, so that any node can revoke the token. */
export async function markTokenTaken(sql: Sql, claim: ClaimKey, accessor: string): Promise<void> {
  await fenced(() =>
    guarded(
      () => sql<{ id: string }[]>`
        with moved as (
          update jobs set token_accessor = ${accessor}
          where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'stopping')
          returning id, node
        ), spent as (
          delete from job_requests using moved where job_id = moved.id
        ), recorded as (
          insert into events (job_id, kind, actor) select id, 'logged_in', 'node:' || node from moved
        )
        select id from moved`,
    ),
  );
}

/**
 * The job's token is revoked, and its leases with it. Not fenced, because it is true whichever node reports it. `renewals`: how
 * often both were renewed, where that is known.
 */
export async function markTokenRevoked(
  sql: Sql,
  id: string,
  actor: string,
  renewals?: number,
): Promise<void> {
  const detail = JSON.stringify(renewals === undefined ? {} : { renewals });
  await guarded(
    () => sql`
      with moved as (
        update jobs set token_accessor = null where id = ${id} and token_accessor is not null returning id
      )
      insert into events (job_id, kind, actor, detail)
      select id, 'token_revoked', ${actor}, ${detail}::text::jsonb from moved`,
  );
}

/** Facts about the container once it exists. */
export interface PreparedFacts {
  readonly image: string;
  readonly imageId: string;
  readonly imageDigest?: string | undefined;
  readonly containerId: string;
  readonly tty: boolean;
}

/** The container exists, but none of the user's code has run. */
export async function markPrepared(sql: Sql, claim: ClaimKey, facts: PreparedFacts): Promise<void> {
  await fenced(() =>
    guarded(
      () => sql<{ id: string }[]>`
        with moved as (
          update jobs set image = ${facts.image}, image_id = ${facts.imageId},
                          image_digest = ${facts.imageDigest ?? null}, tty = ${facts.tty},
                          container_id = ${facts.containerId}, container_fence = fence
          where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'stopping')
          returning id, node, image_id, image_digest
        ), recorded as (
          insert into events (job_id, kind, actor, detail)
          select id, 'prepared', 'node:' || node, 
                 jsonb_strip_nulls(jsonb_build_object('image_id', image_id, 'image_digest', image_digest))
          from moved
        )
        select id from moved`,
    ),
  );
}

/** Recorded right before the container starts, so that a started job is never taken for a waiting one. May be repeated. */
export async function markRunning(
  sql: Sql,
  claim: ClaimKey,
  unmasked: readonly string[] = [],
): Promise<MoveAnswer> {
  const detail = JSON.stringify(unmasked.length > 0 ? { unmasked } : {});
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with found as (
        select id as found_id, state as before from jobs
        where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running')
          and kill_requested_at is null
        for update
      ), moved as (
        update jobs set state = 'running' from found where id = found_id
        returning id, node, before
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select id, 'running', 'node:' || node, ${detail}::text::jsonb from moved where before <> 'running'
      )
      select id from moved`,
  );
  return rows.length > 0 ? 'moved' : whyNot(sql, claim);
}

/** Where the engine published the ports of a running container. Safe to repeat: the same ports write no second event. */
export async function markPublished(
  sql: Sql,
  claim: ClaimKey,
  ports: readonly PublishedPort[],
): Promise<void> {
  const text = JSON.stringify(ports);
  await guarded(
    () => sql`
      with moved as (
        update jobs set published_ports = ${text}::text::jsonb
        where id = ${claim.id} and fence = ${claim.fence} and state in ('running', 'stopping')
          and published_ports is distinct from ${text}::text::jsonb
        returning id, node
      )
      insert into events (job_id, kind, actor, detail)
      select id, 'published', 'node:' || node, jsonb_build_object('ports', ${text}::text::jsonb) from moved`,
  );
}

/** A kill or a limit is being carried out. Safe to repeat. */
export async function markStopping(sql: Sql, claim: ClaimKey, why: string): Promise<void> {
  await guarded(
    () => sql`
      with moved as (
        update jobs set state = 'stopping'
        where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running')
        returning id, node
      )
      insert into events (job_id, kind, actor, detail)
      select id, 'stopping', 'node:' || node, jsonb_build_object('why', ${why}::text) from moved`,
  );
}

/** No row changed: either a kill was asked for, or the claim is no longer ours. */
async function whyNot(sql: Sql, claim: ClaimKey): Promise<MoveAnswer> {
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      select id from jobs
      where id = ${claim.id} and fence = ${claim.fence} and state in ('preparing', 'running', 'stopping')
        and kill_requested_at is not null`,
  );
  if (rows.length > 0) return 'kill_requested';
  throw new FencedError('The claim of this job is no longer ours.');
}
