// An event of the history and a link of the chain over it, as they are stored, and the bytes that are hashed.
import { createHash } from 'node:crypto';

/** An event with all its columns. Numbers are texts: they may be larger than a number can be. */
export interface StoredEvent {
  readonly seq: string;
  /** The number of its transaction. */
  readonly tx: string;
  /** Microseconds since 1970. */
  readonly at: string;
  readonly jobId: string | null;
  readonly queue: string | null;
  readonly node: string | null;
  readonly kind: string;
  readonly actor: string;
  /** The text that Postgres gives of the `jsonb`. */
  readonly detail: string;
}

/** A place in the history: behind this event. */
export interface ChainPlace {
  readonly lastTx: string;
  readonly lastSeq: string;
}

/** The end of the chain, which the next link goes on from. */
export interface ChainEnd extends ChainPlace {
  readonly number: string;
  readonly head: Uint8Array;
}

/** One link of the chain: events in their order, and the hash over them and all links before. */
export interface ChainLink extends ChainEnd {
  readonly events: number;
  /** Null: the events were forgotten, and their list with them. */
  readonly seqs: readonly string[] | null;
  readonly digests: Uint8Array | null;
  readonly listHash: Uint8Array;
}

/** Of one digest. */
export const digestBytes = 32;
const nothing = Buffer.alloc(4, 0xff);

/** SHA-256 over the fields of an event, each behind its length: no two events have the same bytes. */
export function digestOf(event: StoredEvent): Buffer {
  const { tx, seq, at, jobId, queue, node, kind, actor, detail } = event;
  return hashOf(['stint event 1', tx, seq, at, jobId, queue, node, kind, actor, detail]);
}

/** SHA-256 over number and digest of each event of a link. */
export function listHashOf(seqs: readonly string[], digests: Uint8Array): Buffer {
  return hashOf(['stint list 1', ...seqs, digests]);
}

export function headOf(
  previous: Uint8Array,
  { number, lastTx, lastSeq, events, listHash }: Omit<ChainLink, 'head' | 'seqs' | 'digests'>,
): Buffer {
  return hashOf(['stint link 1', number, previous, lastTx, lastSeq, String(events), listHash]);
}

/** The link that comes behind this end. There must be an event. */
export function nextLink(end: ChainEnd, events: readonly StoredEvent[]): ChainLink {
  const seqs = events.map(({ seq }) => seq);
  const digests = Buffer.concat(events.map(digestOf));
  const link = {
    number: String(BigInt(end.number) + 1n),
    lastTx: events.at(-1)?.tx ?? end.lastTx,
    lastSeq: events.at(-1)?.seq ?? end.lastSeq,
    events: events.length,
    listHash: listHashOf(seqs, digests),
  };
  return { ...link, seqs, digests, head: headOf(end.head, link) };
}

/** Each field is its length in four bytes, the first one the highest, and then its bytes, a text in UTF-8; null is ff ff ff ff. */
function hashOf(fields: readonly (string | Uint8Array | null)[]): Buffer {
  const hash = createHash('sha256');
  for (const field of fields) {
    if (field === null) {
      hash.update(nothing);
      continue;
    }
    const bytes = Buffer.from(field as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest();
}
