// The statements about the documents of the registries, limited to those within reach.
import { RefusedError } from '../../job/errors.js';
import type { Owner, Reach } from '../../job/owner.js';
import { ownerFilter, type Requester } from '../jobs/requests.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** Which document, as its clients name it. */
export interface DocumentKey {
  readonly kind: 'machine' | 'pipeline';
  readonly id: string;
}

export type StoredDocument = DocumentKey & { readonly document: Readonly<Record<string, unknown>> };

/** Of one owner and kind: nobody has more, and a list is not longer. */
export const mostDocuments = 1_000;

/**
 * Stores a document, or replaces those of its id within reach. Refuses with `conflict` where the owner has too many. Two that
 * are stored at once may both be let in at the limit, which is no harm.
 */
export async function putDocument(
  sql: Sql,
  { kind, id, document }: StoredDocument,
  owner: Owner,
  reach: Reach,
): Promise<void> {
  const within = ownerFilter(reach);
  const json = JSON.stringify(document);
  const [row] = await guarded(
    () => sql<{ stored: boolean }[]>`
      with replaced as (
        update registry_documents set document = ${json}::text::json, stored_at = clock_timestamp()
        where kind = ${kind} and id = ${id} and (${within}::text is null or owner_key = ${within})
        returning id
      ), added as (
        insert into registry_documents (kind, owner_key, id, document)
        select ${kind}::text, ${owner.key}::text, ${id}::text, ${json}::text::json
        where not exists (select from replaced) and ${mostDocuments}::integer > (
          select count(*) from registry_documents where kind = ${kind} and owner_key = ${owner.key})
        on conflict (kind, owner_key, id) do update set document = excluded.document, stored_at = clock_timestamp()
        returning id
      ), stored as (
        select id from replaced union select id from added
      ), recorded as (
        insert into events (kind, actor, detail)
        select 'document_stored', ${owner.key}::text, jsonb_build_object('registry', ${kind}::text, 'id', id) from stored
      )
      select exists (select from stored) as stored`,
  );
  if (row?.stored !== true)
    throw new RefusedError(
      'conflict',
      `Expected at most ${mostDocuments} documents of this kind, got one more.`,
    );
}

/** The newest within reach: undefined for a missing one and for that of somebody else. */
export async function readDocument(
  sql: Sql,
  { kind, id }: DocumentKey,
  reach: Reach,
): Promise<StoredDocument['document'] | undefined> {
  const owner = ownerFilter(reach);
  const [row] = await guarded(
    () => sql<{ document: StoredDocument['document'] }[]>`
      select document from registry_documents
      where kind = ${kind} and id = ${id} and (${owner}::text is null or owner_key = ${owner})
      order by stored_at desc limit 1`,
  );
  return row?.document;
}

/** In their order. */
export async function listDocumentIds(sql: Sql, kind: DocumentKey['kind'], reach: Reach): Promise<string[]> {
  const owner = ownerFilter(reach);
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      select distinct id from registry_documents
      where kind = ${kind} and (${owner}::text is null or owner_key = ${owner})
      order by id limit ${mostDocuments}`,
  );
  return rows.map(({ id }) => id);
}

/** In the order of their ids; of two owners' documents of one id the newest. */
export async function listDocuments(
  sql: Sql,
  kind: DocumentKey['kind'],
  reach: Reach,
): Promise<StoredDocument[]> {
  const owner = ownerFilter(reach);
  return guarded(
    () => sql<StoredDocument[]>`
      select distinct on (id) kind, id, document from registry_documents
      where kind = ${kind} and (${owner}::text is null or owner_key = ${owner})
      order by id, stored_at desc limit ${mostDocuments}`,
  );
}

/** False: there was none within reach. */
export async function deleteDocument(
  sql: Sql,
  { kind, id }: DocumentKey,
  asker: Requester,
): Promise<boolean> {
  const owner = ownerFilter(asker.reach);
  const rows = await guarded(
    () => sql<{ id: string }[]>`
      with gone as (
        delete from registry_documents
        where kind = ${kind} and id = ${id} and (${owner}::text is null or owner_key = ${owner})
        returning id
      ), recorded as (
        insert into events (kind, actor, detail)
        select 'document_deleted', ${asker.actor}::text, jsonb_build_object('registry', ${kind}::text, 'id', id) from gone
      )
      select id from gone`,
  );
  return rows.length > 0;
}
