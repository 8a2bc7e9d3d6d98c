// The statements about idempotency keys: claim, answer, release, expire.
import type { Job } from '../../job/job.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { type JobRow, jobColumns, toJob } from './rows.js';

/** A key under which a client may repeat a submit, and the one submit that claims it. */
export interface KeyClaim {
  readonly ownerKey: string;
  readonly key: string;
  /** Identifies this one submit. */
  readonly claim: string;
}

export interface KeyTerms {
  /** Equal for equal requests; reveals nothing else about them. */
  readonly fingerprint: Uint8Array;
  /** How long the key is kept. */
  readonly ttlMs: number;
  /** After this time without an answer, the submit that claimed the key is taken for dead. */
  readonly staleMs: number;
}

/** The result of a claim. `ours`: go on with the submit. `answer`: what the first submit got. */
export type KeyAnswer =
  | { readonly kind: 'ours' }
  | { readonly kind: 'in_flight' }
  | { readonly kind: 'other_request' }
  | { readonly kind: 'answer'; readonly job: Job; readonly warnings: readonly string[] };

interface KeyRow {
  readonly isOurs: boolean;
  readonly isSame: boolean;
  readonly answer: object | null;
}

/**
 * Claims a key that is free: never used, expired, or left by a submit that died. When the key is taken, the row is rewritten
 * unchanged: only an update lets the statement see what another one has just committed.
 */
export async function claimKey(sql: Sql, by: KeyClaim, terms: KeyTerms): Promise<KeyAnswer> {
  const [row] = await guarded(
    () => sql<KeyRow[]>`
      insert into idempotency_keys as k (owner_key, key, fingerprint, claim, claimed_at, expires_at)
      values (${by.ownerKey}, ${by.key}, ${terms.fingerprint}::bytea, ${by.claim}, clock_timestamp(),
              clock_timestamp() + ${terms.ttlMs} * interval '1 millisecond')
      on conflict (owner_key, key) do update set (fingerprint, claim, claimed_at, expires_at, answer) = (
        select case when is_free then excluded.fingerprint else k.fingerprint end,
               case when is_free then excluded.claim else k.claim end,
               case when is_free then excluded.claimed_at else k.claimed_at end,
               case when is_free then excluded.expires_at else k.expires_at end,
               case when not is_free then k.answer end
        from (select k.expires_at <= excluded.claimed_at or (k.answer is null and
                k.claimed_at <= excluded.claimed_at - ${terms.staleMs} * interval '1 millisecond') as is_free) as state
      )
      returning claim = ${by.claim} as is_ours, fingerprint = ${terms.fingerprint}::bytea as is_same, answer`,
  );
  if (row === undefined) throw new Error('The claim of a key returned no row.');
  if (row.isOurs) return { kind: 'ours' };
  if (!row.isSame) return { kind: 'other_request' };
  return row.answer === null ? { kind: 'in_flight' } : findAnswer(sql, by);
}

/** Reads the answer as a row of `jobs`; columns that were added later are null. */
async function findAnswer(sql: Sql, { ownerKey, key }: KeyClaim): Promise<KeyAnswer> {
  const [row] = await guarded(
    () => sql<(JobRow & { warnings: string[] })[]>`
      select ${jobColumns(sql, 'job')}, k.answer -> 'warnings' as warnings
      from idempotency_keys as k, jsonb_populate_record(null::jobs, k.answer -> 'job') as job
      where k.owner_key = ${ownerKey} and k.key = ${key} and k.answer is not null`,
  );
  return row === undefined
    ? { kind: 'in_flight' }
    : { kind: 'answer', job: toJob(row), warnings: row.warnings };
}

/** Releases a claimed key that led to no job. Does nothing when it is no longer ours, or has an answer. */
export async function releaseKey(sql: Sql, { ownerKey, key, claim }: KeyClaim): Promise<void> {
  await guarded(
    () => sql`
      delete from idempotency_keys
      where owner_key = ${ownerKey} and key = ${key} and claim = ${claim} and answer is null`,
  );
}

/** Deletes expired keys, at most `limit` of them. Returns how many it deleted. */
export async function deleteExpiredKeys(sql: Sql, limit: number): Promise<number> {
  const rows = await guarded(
    () => sql<{ key: string }[]>`
      with old as (
        select owner_key, key from idempotency_keys where expires_at <= clock_timestamp()
        order by expires_at limit ${limit} for update skip locked
      )
      delete from idempotency_keys as k using old where k.owner_key = old.owner_key and k.key = old.key
      returning k.key`,
  );
  return rows.length;
}
