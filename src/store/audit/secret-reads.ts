// The statements about which job read which secret.
import type { SecretRead } from '../../job/audit/secret-read.js';
import type { ClaimKey } from '../jobs/claim.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** Reads in one event. A job of thousands of paths has several. */
const readsAtOnce = 200;

/**
 * Records what a job was given, by which claim of it. Not fenced, because it is true whoever has the job now. May be
 * repeated: each claim reads once.
 */
export async function recordReads(
  sql: Sql,
  claim: ClaimKey,
  node: string,
  reads: readonly SecretRead[],
): Promise<void> {
  for (let part = 0; part * readsAtOnce < reads.length; part++) {
    const some = reads.slice(part * readsAtOnce, (part + 1) * readsAtOnce);
    await recordPart(sql, { ...claim, node, part, reads: JSON.stringify(some.map(toDetail)) });
  }
}

function toDetail({ path, keys, version, leaseHash }: SecretRead): object {
  return {
    path,
    keys,
    ...(version !== undefined && { version }),
    ...(leaseHash !== undefined && { lease: leaseHash }),
  };
}

interface Part extends ClaimKey {
  readonly node: string;
  readonly part: number;
  readonly reads: string;
}

async function recordPart(sql: Sql, { id, fence, node, part, reads }: Part): Promise<void> {
  await guarded(
    () => sql`
      with detail as (
        select jsonb_build_object('fence', ${fence}::bigint, 'part', ${part}::integer, 'reads', ${reads}::text::jsonb) as detail
      ), recorded as (
        insert into events (job_id, kind, actor, detail)
        select ${id}::text, 'secrets_read', ${`node:${node}`}::text, detail from detail
        where not exists (
          select from events where job_id = ${id}::text and kind = 'secrets_read'
            and detail -> 'fence' = to_jsonb(${fence}::bigint) and detail -> 'part' = to_jsonb(${part}::integer)
        )
        returning seq, job_id, detail
      )
      insert into secret_reads (seq, path_hash, version, job_id)
      select distinct seq, sha256(convert_to(read ->> 'path', 'UTF8')), coalesce((read ->> 'version')::bigint, 0), job_id
      from recorded, jsonb_array_elements(detail -> 'reads') as read
      on conflict do nothing`,
  );
}

/** A place in the list of reads, for its next page. */
export interface ReadPlace {
  readonly version: string;
  readonly seq: string;
}

export interface ReadChoice {
  readonly path: string;
  /** Undefined: all of them. */
  readonly version: number | undefined;
  readonly after: ReadPlace | undefined;
  readonly limit: number;
}

export interface FoundRead extends ReadPlace {
  readonly jobId: string;
  readonly at: Date;
  readonly actor: string;
  /** One entry of the detail of the event. */
  readonly read: { readonly keys?: readonly string[]; readonly lease?: string };
}

/** Who read a secret, by version and then in the order of events. It reads as much of the index as the page has. */
export async function listReads(sql: Sql, { path, version, after, limit }: ReadChoice): Promise<FoundRead[]> {
  const chosen = version === undefined ? sql`` : sql`and version = ${version}::bigint`;
  const behind =
    after === undefined ? sql`` : sql`and (version, seq) > (${after.version}::bigint, ${after.seq}::bigint)`;
  return guarded(
    () => sql<FoundRead[]>`
      with page as (
        select seq, version, job_id from secret_reads
        where path_hash = sha256(convert_to(${path}::text, 'UTF8')) ${chosen} ${behind}
        order by version, seq limit ${limit}
      )
      select page.seq, page.version, page.job_id, at, actor, read
      from page join events using (seq), jsonb_array_elements(detail -> 'reads') as read
      where read ->> 'path' = ${path}::text
      order by page.version, page.seq`,
  );
}
