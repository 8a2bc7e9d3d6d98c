// The statements that read the history in its order, and add links to the chain over it.
import type { ChainEnd, ChainLink, ChainPlace, StoredEvent } from '../../job/audit/chain.js';
import { arrayText, type Sql } from '../postgres/connection.js';
import { guarded } from '../postgres/errors.js';

/** The last link of the chain; undefined: somebody deleted all of them, also the one that the migration made. */
export async function readChainEnd(sql: Sql): Promise<(ChainEnd & { sealedAt: Date }) | undefined> {
  const [end] = await guarded(
    () => sql<(ChainEnd & { sealedAt: Date })[]>`
      select number, last_tx, last_seq, head, sealed_at from event_chain order by number desc limit 1`,
  );
  return end;
}

/** The columns of an event as they are hashed. */
function eventColumns(sql: Sql) {
  return sql`seq::text, tx::text, (extract(epoch from at) * 1000000)::bigint::text as at, job_id, queue, node, kind, actor,
             detail::text as detail`;
}

/**
 * The next events behind a place that are there for good: every transaction up to theirs has ended, so nothing will ever
 * come between them.
 */
export async function readUnsealed(
  sql: Sql,
  { lastTx, lastSeq }: ChainPlace,
  limit: number,
): Promise<StoredEvent[]> {
  return guarded(
    () => sql<StoredEvent[]>`
      select ${eventColumns(sql)} from events
      where (tx, seq) > (${lastTx}::bigint, ${lastSeq}::bigint)
        and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (select ahead from event_clock)
      order by events.tx, events.seq limit ${limit}`,
  );
}

/** How long the oldest event behind a place has been waiting for its link, by the database's clock; 0: there is none. */
export async function readUnsealedAge(sql: Sql, { lastTx, lastSeq }: ChainPlace): Promise<number> {
  const [row] = await guarded(
    () => sql<{ ms: number }[]>`
      select extract(epoch from clock_timestamp() - at)::float8 * 1000 as ms from events
      where (tx, seq) > (${lastTx}::bigint, ${lastSeq}::bigint) order by tx, seq limit 1`,
  );
  return row?.ms ?? 0;
}

/**
 * Adds a link behind the one with this head. False: another node has added one there already. Safe to repeat: the link is
 * there or it is not.
 */
export async function appendLink(sql: Sql, previous: ChainEnd, link: ChainLink): Promise<boolean> {
  const rows = await guarded(
    () => sql<{ number: string }[]>`
      insert into event_chain (number, last_tx, last_seq, events, seqs, digests, list_hash, head)
      select number + 1, ${link.lastTx}::bigint, ${link.lastSeq}::bigint, ${link.events}::integer,
             ${arrayText(link.seqs ?? [])}::bigint[], ${bytesOf(link.digests)}::bytea, ${bytesOf(link.listHash)}::bytea,
             ${bytesOf(link.head)}::bytea
      from event_chain where number = ${previous.number}::bigint and head = ${bytesOf(previous.head)}::bytea
      on conflict (number) do nothing returning number`,
  );
  return rows.length > 0;
}

function bytesOf(bytes: Uint8Array | null): Buffer {
  return Buffer.from(bytes ?? []);
}

/** Links from a number on, in their order. */
export async function readLinks(sql: Sql, from: string, limit: number): Promise<ChainLink[]> {
  const rows = await guarded(
    () => sql<(Omit<ChainLink, 'seqs'> & { seqs: string | null })[]>`
      select number, last_tx, last_seq, events, seqs::text, digests, list_hash, head from event_chain
      where number >= ${from}::bigint order by number limit ${limit}`,
  );
  return rows.map((row) => ({ ...row, seqs: row.seqs === null ? null : numbersIn(row.seqs) }));
}

/** Of the text of an array. */
function numbersIn(text: string): string[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',');
}

/** Events behind one place, up to another and including it; undefined: from the first, or to the last. */
export async function readEventsBetween(
  sql: Sql,
  after: ChainPlace | undefined,
  to: ChainPlace | undefined,
  limit: number,
): Promise<StoredEvent[]> {
  const from =
    after === undefined ? sql`` : sql`and (tx, seq) > (${after.lastTx}::bigint, ${after.lastSeq}::bigint)`;
  const until =
    to === undefined ? sql`` : sql`and (tx, seq) <= (${to.lastTx}::bigint, ${to.lastSeq}::bigint)`;
  return guarded(
    () => sql<StoredEvent[]>`
      select ${eventColumns(sql)} from events where true ${from} ${until} order by events.tx, events.seq limit ${limit}`,
  );
}
