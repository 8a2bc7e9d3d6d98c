// The statements about signed heads of the chain over the history.
import type { HeadDocument } from '../../job/audit/head.js';
import type { Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** Stores a signed head. Of a link that has one already the first stays: another node was as quick. */
export async function addHead(sql: Sql, head: HeadDocument): Promise<void> {
  const {
    installation,
    number,
    head: hash,
    takenAt,
    key = null,
    keyVersion = null,
    publicKey = null,
    signature = null,
  } = head;
  await guarded(
    () => sql`
      insert into event_heads (number, installation, head, taken_at, key, key_version, public_key, signature)
      values (${number}::bigint, ${installation}::text, ${hash}::text, ${takenAt}::text, ${key}::text, ${keyVersion}::integer,
              ${publicKey}::text, ${signature}::text)
      on conflict (number) do nothing`,
  );
}

/** The signed head with the highest number. */
export async function readLastHead(sql: Sql): Promise<HeadDocument | undefined> {
  const [head] = await guarded(
    () => sql<HeadDocument[]>`
      select installation, number, head, taken_at, key, key_version, public_key, signature from event_heads
      order by number desc limit 1`,
  );
  return head;
}

/** Where the history was found changed. One event for each place, however often it is found there. */
export async function recordChange(
  sql: Sql,
  actor: string,
  place: { link: string; seq: string | undefined },
): Promise<void> {
  const detail = JSON.stringify({ code: 'history_changed', link: place.link, seq: place.seq ?? null });
  await guarded(
    () => sql`
      insert into events (kind, actor, detail) select 'alarm', ${actor}::text, ${detail}::text::jsonb
      where not exists (
        select from events where job_id is null and kind = 'alarm' and detail = ${detail}::text::jsonb
      )`,
  );
}
