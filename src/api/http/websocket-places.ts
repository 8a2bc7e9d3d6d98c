// Bounds how many WebSockets are open at once: in all, of one caller, and where nobody has said yet who is calling.
import { RefusedError } from '../../job/errors.js';

export interface PlaceLimits {
  readonly inAll: number;
  readonly ofCaller: number;
  /** Of those who have not said who they are: from one address, and in all. */
  readonly ofAddress: number;
  readonly ofStrangers: number;
}

/** Whoever takes all that one may take leaves most of them to the others. */
const usual: PlaceLimits = { inAll: 1000, ofCaller: 100, ofAddress: 20, ofStrangers: 200 };

/** A caller by the key of an owner; a stranger by the address. */
export type Holder = { readonly caller: string } | { readonly address: string };

/** What a holder counts in: its name, how many there may be, and in words. */
type Group = readonly [name: string, most: number, words: string];

export class WebSocketPlaces {
  readonly #limits: PlaceLimits;
  readonly #taken = new Map<string, number>();

  constructor(limits: Partial<PlaceLimits> = {}) {
    this.#limits = { ...usual, ...limits };
  }

  /** Throws `RefusedError` `connections_full`. */
  take(holder: Holder): Place {
    const all: Group = ['all', this.#limits.inAll, 'in all'];
    const own = this.#groupsOf(holder);
    this.#enter([all, ...own]);
    let taken = own;
    let isLeft = false;
    return {
      passTo: (caller) => {
        if (isLeft) return;
        const next = this.#groupsOf({ caller });
        this.#enter(next);
        this.#leave(taken);
        taken = next;
      },
      leave: () => {
        if (!isLeft) this.#leave([all, ...taken]);
        isLeft = true;
      },
    };
  }

  #groupsOf(holder: Holder): readonly Group[] {
    const { ofCaller, ofAddress, ofStrangers } = this.#limits;
    if ('caller' in holder) return [[`caller ${holder.caller}`, ofCaller, 'of one caller']];
    return [
      [`address ${holder.address}`, ofAddress, 'of one address before they say who is calling'],
      ['strangers', ofStrangers, 'before they say who is calling'],
    ];
  }

  /** All of them, or none. */
  #enter(groups: readonly Group[]): void {
    for (const [name, most, words] of groups)
      if ((this.#taken.get(name) ?? 0) >= most) throw full(most, words);
    for (const [name] of groups) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1);
  }

  #leave(groups: readonly Group[]): void {
    for (const [name] of groups) {
      const left = (this.#taken.get(name) ?? 0) - 1;
      if (left > 0) this.#taken.set(name, left);
      else this.#taken.delete(name);
    }
  }
}

/** The place of one WebSocket. */
export interface Place {
  /** It was a stranger's, and counts as this caller's from now on. Throws `RefusedError` `connections_full`. */
  passTo(caller: string): void;
  /** May be repeated. */
  leave(): void;
}

function full(most: number, words: string): RefusedError {
  return new RefusedError(
    'connections_full',
    `Expected at most ${most} open WebSockets ${words}, got more: close one, or try again later.`,
  );
}
