// The statements that carry a long sealed request in parts, to Postgres and back.
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';
import { forgetting } from '../postgres/forgetting.js';

/**
 * The driver writes bytes as text, several times their size, and reads them likewise: so no statement carries more of them. V8
 * collects texts of more than 128 KiB late: that of a part is half as long. A job of 32 MiB takes some 900 statements.
 */
export const sealedPartBytes = 48 * 1024;

/** One part of a request on its way. Nothing refers to it until `insertJob` puts the parts of an upload together. */
export interface SealedPart {
  /** One attempt to store one job: what a late statement of an earlier attempt stores is never mixed in. */
  readonly upload: string;
  /** Counted from 0. */
  readonly part: number;
  readonly sealed: Uint8Array;
}

/** Stores one part. Safe to repeat. In base64, which is shorter than the driver's own form and cheaper to make. */
export async function storeSealedPart(sql: Sql, { upload, part, sealed }: SealedPart): Promise<void> {
  const text = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength).toString('base64');
  await guarded(() =>
    forgetting(sql`
      insert into request_parts (upload, part, sealed)
      values (${upload}::uuid, ${part}::integer, decode(${text}::text, 'base64'))
      on conflict (upload, part) do nothing`),
  );
}

/** Reads a sealed request from this byte on, as much as a statement carries. Undefined when it is gone. */
export async function readSealed(sql: Sql, jobId: string, from: number): Promise<Uint8Array | undefined> {
  const [row] = await guarded(
    () => sql<{ text: string }[]>`
      select encode(substring(sealed from ${from + 1}::integer for ${sealedPartBytes}::integer), 'base64') as text
      from job_requests where job_id = ${jobId}`,
  );
  if (row === undefined) return undefined;
  const sealed = Buffer.from(row.text, 'base64');
  row.text = ''; // As `forgetting` does.
  return sealed;
}

/**
 * Deletes parts that nobody will put together: a submit takes seconds. Returns how many it deleted, at most `limit`. Where
 * a submit is that slow all the same, `insertJob` sees that parts are missing, and they are sent again.
 */
export async function deleteStaleParts(sql: Sql, ageMs: number, limit: number): Promise<number> {
  const rows = await guarded(
    () => sql<{ part: number }[]>`
      with old as (
        select upload, part from request_parts
        where stored_at <= clock_timestamp() - ${ageMs} * interval '1 millisecond'
        order by stored_at limit ${limit} for update skip locked
      )
      delete from request_parts as p using old where p.upload = old.upload and p.part = old.part
      returning p.part`,
  );
  return rows.length;
}
