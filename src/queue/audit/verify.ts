// Follows the chain over the history from link to link and names the first record that is not as it was sealed.
import {
  type ChainLink,
  type ChainPlace,
  digestBytes,
  digestOf,
  headOf,
  listHashOf,
  type StoredEvent,
} from '../../job/audit/chain.js';
import type { Store } from '../../store/store.js';

export type VerifyStore = Pick<Store, 'readLinks' | 'readEventsBetween'>;

/** A head that was exported: what the chain was at this link. */
export interface KnownHead {
  readonly number: string;
  readonly head: Uint8Array;
  /** The head of link 0; undefined: not known. */
  readonly installation?: Uint8Array | undefined;
}

export interface VerifyOptions {
  /** Follows the chain from the link with this head on, which is trusted; undefined: from the beginning. */
  readonly from?: KnownHead | undefined;
  /** Heads that the chain must go through, with rising numbers. */
  readonly heads?: readonly KnownHead[];
  readonly onLink?: (number: string) => void;
}

export interface Verified {
  /** The last link. */
  readonly end: ChainLink | undefined;
  readonly events: number;
  /** Links whose events were forgotten. */
  readonly forgottenLinks: number;
  /** Events behind the last link. */
  readonly unsealed: number;
  /** The first record that is wrong, in the order of the chain; undefined: all of it holds. */
  readonly problem: Problem | undefined;
}

export interface Problem {
  /** Its place in the chain. */
  readonly link: string;
  /** The number of the event; undefined: the link itself is wrong. */
  readonly seq: string | undefined;
  readonly text: string;
}

/** Links that are read at once: each has a thousand events at most, at 32 bytes and a number. */
const linksAtOnce = 10;
const eventsAtOnce = 1_000;

/** Reads everything once and keeps a link and its events, however long the history is. */
export async function verifyChain(store: VerifyStore, options: VerifyOptions = {}): Promise<Verified> {
  const walk = new Walk(store, options);
  const problem = await walk.run();
  const { events, forgottenLinks, end } = walk;
  const unsealed = problem === undefined ? await countBehind(store, end) : 0;
  return { end, events, forgottenLinks, unsealed, problem };
}

class Walk {
  events = 0;
  forgottenLinks = 0;
  end: ChainLink | undefined;
  readonly #store: VerifyStore;
  readonly #options: VerifyOptions;

  constructor(store: VerifyStore, options: VerifyOptions) {
    this.#store = store;
    this.#options = options;
  }

  async run(): Promise<Problem | undefined> {
    const first = this.#options.from?.number ?? '0';
    for (let next = first; ; ) {
      const links = await this.#store.readLinks(next, linksAtOnce);
      for (const link of links) {
        const problem = await this.#step(link, next);
        if (problem !== undefined) return problem;
        this.end = link;
        this.#options.onLink?.(link.number);
        next = String(BigInt(next) + 1n);
      }
      if (links.length < linksAtOnce) return this.#missing(next);
    }
  }

  async #step(link: ChainLink, expected: string): Promise<Problem | undefined> {
    const { number } = link;
    if (number !== expected) return { link: expected, seq: undefined, text: `Link ${expected} is missing.` };
    return this.#againstHeads(link) ?? this.#againstItself(link) ?? (await this.#againstEvents(link));
  }

  #againstHeads(link: ChainLink): Problem | undefined {
    const { number } = link;
    const { from, heads = [] } = this.#options;
    const known = [from, ...heads].filter((head) => head?.number === number);
    if (known.some((head) => !isSame(head?.head, link.head)))
      return wrongLink(
        number,
        `Link ${number} is another one than the exported head says: the history up to it was made anew.`,
      );
    if (
      number === '0' &&
      heads.some(({ installation }) => installation !== undefined && !isSame(installation, link.head))
    )
      return wrongLink(
        '0',
        'The chain does not begin as that of the exported head: it is another installation, or was made anew.',
      );
    return undefined;
  }

  #againstItself(link: ChainLink): Problem | undefined {
    const before = this.end;
    const { number, seqs, digests, events } = link;
    if (before === undefined) return undefined; // It is the first, or trusted.
    const isWhole =
      seqs === null ||
      (isSame(listHashOf(seqs, digests ?? Buffer.of()), link.listHash) && seqs.length === events);
    return isWhole && isSame(headOf(before.head, link), link.head)
      ? undefined
      : wrongLink(number, `Link ${number} was changed, or the one before it.`);
  }

  async #againstEvents(link: ChainLink): Promise<Problem | undefined> {
    if (this.end === undefined) return undefined;
    if (link.seqs === null) {
      this.forgottenLinks++;
      return undefined;
    }
    const after = this.end.number === '0' ? undefined : this.end;
    const problem = await findWrongEvent(this.#store, link, after);
    if (problem === undefined) this.events += link.events;
    return problem && { link: link.number, ...problem };
  }

  /** The chain ends before a head that was exported. */
  #missing(next: string): Problem | undefined {
    const { from, heads = [] } = this.#options;
    if (this.end === undefined) return wrongLink(next, `Link ${next} is missing.`);
    const beyond = [from, ...heads].find((head) => head !== undefined && BigInt(head.number) >= BigInt(next));
    return (
      beyond &&
      wrongLink(
        next,
        `Link ${next} is missing: the exported head is that of link ${beyond.number}, so the end was cut off.`,
      )
    );
  }
}

/** Compares the events in the place of a link with its list, in one walk over both. */
async function findWrongEvent(
  store: VerifyStore,
  link: ChainLink,
  after: ChainPlace | undefined,
): Promise<Omit<Problem, 'link'> | undefined> {
  const seqs = link.seqs ?? [];
  const events = await store.readEventsBetween(after, link, eventsAtOnce + 1);
  for (const [index, event] of events.entries()) {
    const listed = seqs[index];
    if (event.seq !== listed) return seqs.includes(event.seq, index) ? gone(listed ?? '') : added(event.seq);
    if (!isSame(digestOf(event), digestAt(link, index))) return changed(event);
  }
  const missing = seqs[events.length];
  return missing === undefined ? undefined : gone(missing);
}

function digestAt({ digests }: ChainLink, index: number): Uint8Array {
  return (digests ?? Buffer.of()).subarray(index * digestBytes, (index + 1) * digestBytes);
}

function gone(seq: string): Omit<Problem, 'link'> {
  return { seq, text: `Event ${seq} is missing: it was deleted, or moved to another place.` };
}

function added(seq: string): Omit<Problem, 'link'> {
  return { seq, text: `Event ${seq} is not in the chain: it was added later, or moved here.` };
}

function changed({ seq, kind, jobId }: StoredEvent): Omit<Problem, 'link'> {
  const job = jobId === null ? '' : ` of job ${jobId}`;
  return { seq, text: `Event ${seq} was changed; it now says "${kind}"${job}.` };
}

function wrongLink(link: string, text: string): Problem {
  return { link, seq: undefined, text };
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

async function countBehind(store: VerifyStore, end: ChainPlace | undefined): Promise<number> {
  for (let count = 0, place = end; ; ) {
    const events = await store.readEventsBetween(place, undefined, eventsAtOnce);
    const last = events.at(-1);
    count += events.length;
    if (last === undefined || events.length < eventsAtOnce) return count;
    place = { lastTx: last.tx, lastSeq: last.seq };
  }
}
