// The statements that find the logins of parents that are to be renewed, each for one node, and store when it is next.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** The renewal of one login, for one node. */
export interface RenewalClaim {
  readonly id: string;
  /** When another node takes it, if this one does not finish: names the claim. As text, which has all of its digits. */
  readonly until: string;
}

/**
 * Takes the renewals that are due. One that its node does not finish, because it died or Vault is unavailable, is due again
 * after `retryMs`. Parents that have ended are due no more. The time is asked once, by a `select` of its own, so that what is not
 * due is not read.
 */
export async function claimRenewals(sql: Sql, limit: number, retryMs: number): Promise<RenewalClaim[]> {
  return guarded(
    () => sql<RenewalClaim[]>`
      with due as (
        select job_id from parents where renew_at <= (select clock_timestamp()) order by renew_at limit ${limit}
        for update skip locked
      ), taken as (
        update parents set renew_at = case when state in ('preparing', 'running', 'stopping')
          then clock_timestamp() + ${retryMs}::float8 * interval '1 millisecond' end
        from due join jobs on jobs.id = due.job_id where parents.job_id = due.job_id
        returning parents.job_id as id, renew_at::text as until
      )
      select id, until from taken where until is not null`,
  );
}

/** Stores when the next renewal is due; null: never. Changes nothing when another node has taken it meanwhile. */
export async function finishRenewal(sql: Sql, claim: RenewalClaim, renewInMs: number | null): Promise<void> {
  await guarded(
    () => sql`
      update parents set renew_at = clock_timestamp() + ${renewInMs}::float8 * interval '1 millisecond'
      where job_id = ${claim.id} and renew_at = ${claim.until}::text::timestamptz`,
  );
}
