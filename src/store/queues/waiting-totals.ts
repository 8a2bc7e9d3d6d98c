// The statements about how much waits, for each owner and in all; triggers keep count (`0025_bounds.sql`).
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** Requests that are stored: until their credentials are spent or their job has ended. */
export interface Waiting {
  readonly jobs: number;
  readonly bytes: number;
}

/** What waits of one owner, and in all. */
export async function readWaiting(sql: Sql, ownerKey: string): Promise<{ owner: Waiting; all: Waiting }> {
  const rows = await guarded(
    () => sql<({ whose: string } & Waiting)[]>`
      select owner_key as whose, sum(jobs)::float8 as jobs, sum(bytes)::float8 as bytes
      from waiting_totals where owner_key in (${ownerKey}, '') group by owner_key`,
  );
  const of = (key: string): Waiting => {
    const { jobs = 0, bytes = 0 } = rows.find(({ whose }) => whose === key) ?? {};
    return { jobs, bytes };
  };
  return { owner: of(ownerKey), all: of('') };
}

/** Puts the rows of an owner together, and removes those of owners of whom nothing waits. Rows in use are left for later. */
export async function foldWaiting(sql: Sql): Promise<void> {
  await guarded(
    () => sql`
      with due as (
        select owner_key from waiting_totals group by owner_key
        having count(*) > 1 or (sum(jobs) = 0 and sum(bytes) = 0)
      ), free as (
        select id from waiting_totals where owner_key in (select owner_key from due) for update skip locked
      ), taken as (
        delete from waiting_totals as w using free where w.id = free.id returning w.owner_key, w.jobs, w.bytes
      )
      insert into waiting_totals (owner_key, jobs, bytes)
      select owner_key, sum(jobs), sum(bytes) from taken group by owner_key having sum(jobs) <> 0 or sum(bytes) <> 0`,
  );
}
