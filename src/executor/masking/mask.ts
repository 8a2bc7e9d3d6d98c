// Replaces secrets in a byte stream by a marker, however the stream is cut into pieces.
import { inTurns, type Steps } from '../../job/payload/steps.js';
import type { SecretValues } from '../secrets.js';
import { Automaton } from './mask-automaton.js';
import { patternsIn } from './mask-forms.js';
import { Skip } from './mask-skip.js';

/** Replaces a secret in the output. */
const marker = Buffer.from('[secret]');

/** Masks any number of byte streams, each with its own state. */
export interface Mask {
  /** Names of the secrets that stay visible, whole or in part, since they are too short or have too many parts. */
  readonly unmasked: readonly string[];
  stream(): MaskStream;
}

/**
 * One stream. Its total output does not depend on how the bytes are cut into pushes: every occurrence of every pattern
 * is replaced, and overlapping occurrences count as one. Only bytes that may still become a secret are held back.
 */
export interface MaskStream {
  push(bytes: Uint8Array): Uint8Array;
  /**
   * How many input bytes are not yet part of the output. A new stream that starts with these bytes and what follows
   * them gives the same output.
   */
  readonly held: number;
  /** Names of secrets that were found since this was asked last; each is told once. */
  takeFound(): readonly string[];
  /** Returns what was still held back: the stream ended within the beginning of a secret. */
  end(): Uint8Array;
}

/** Prepares the search once for all streams. That of a megabyte of secrets takes a second, in which others are served. */
export function createMask(secrets: SecretValues): Promise<Mask> {
  return inTurns(maskSteps(secrets));
}

/** Without anything to mask, bytes pass unchanged. */
export function* maskSteps(secrets: SecretValues): Steps<Mask> {
  const { patterns, owners, names, unmasked } = yield* patternsIn(secrets);
  if (patterns.length === 0) return { unmasked, stream: () => unchanged };
  const automaton = yield* Automaton.of(patterns, owners);
  const search = { automaton, skip: yield* Skip.of(patterns), names };
  return { unmasked, stream: () => new Masking(search) };
}

const unchanged: MaskStream = {
  push: (bytes) => bytes,
  held: 0,
  takeFound: () => [],
  end: () => new Uint8Array(),
};

interface Search {
  readonly automaton: Automaton;
  readonly skip: Skip;
  readonly names: readonly string[];
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Positions count from the start of the stream. */
class Masking implements MaskStream {
  readonly #automaton: Automaton;
  readonly #skip: Skip;
  readonly #names: readonly string[];
  /** By their places: which names were told. */
  readonly #told: Uint8Array;
  #new: string[] = [];
  #state = 0;
  /** Bytes taken before the current push. */
  #taken = 0;
  /** Everything before this position was returned or masked. */
  #done = 0;
  /** Matches that are not returned yet: in order, without overlaps. */
  #found: Span[] = [];

  constructor({ automaton, skip, names }: Search) {
    this.#automaton = automaton;
    this.#skip = skip;
    this.#names = names;
    this.#told = new Uint8Array(names.length);
  }

  push(bytes: Uint8Array): Uint8Array {
    const held = this.#automaton.text(this.#state);
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 0) at = this.#skip.next(bytes, at);
      at = this.#follow(bytes, at);
    }
    const end = this.#taken + bytes.length;
    const output = this.#release(end - this.#automaton.depth(this.#state), [held, bytes]);
    this.#taken = end;
    return output;
  }

  get held(): number {
    return this.#taken - this.#done;
  }

  takeFound(): readonly string[] {
    const found = this.#new;
    if (found.length > 0) this.#new = [];
    return found;
  }

  end(): Uint8Array {
    return this.#release(this.#taken, [this.#automaton.text(this.#state), new Uint8Array()]);
  }

  /**
   * Steps from `from` until no match that began there is possible. A beginning that is shorter than any pattern is left
   * to the skip search, which reads it again from its start: a bounded number of bytes, so time stays linear.
   */
  #follow(bytes: Uint8Array, from: number): number {
    const { window } = this.#skip;
    for (let at = from; at < bytes.length; ) {
      const reached = this.#automaton.step(this.#state, bytes[at++] ?? 0);
      this.#mark(reached, this.#taken + at);
      this.#state = this.#automaton.prune(reached);
      const depth = this.#automaton.depth(this.#state);
      if (depth >= window || at - depth <= from) continue;
      this.#state = 0;
      return at - depth;
    }
    return bytes.length;
  }

  /** Matches are found in order of their ends, so only the last ones can overlap a new one. */
  #mark(state: number, end: number): void {
    const length = this.#automaton.matchLength(state);
    if (length === 0) return;
    this.#tell(this.#automaton.owner(state));
    let start = end - length;
    while ((this.#found.at(-1)?.end ?? 0) > start) start = Math.min(start, this.#found.pop()?.start ?? start);
    this.#found.push({ start, end });
  }

  #tell(owner: number): void {
    if (this.#told[owner] === 1) return;
    this.#told[owner] = 1;
    this.#new.push(this.#names[owner] ?? '');
  }

  /** Returns everything before `until`, or before a match that may still become longer. */
  #release(until: number, source: readonly [held: Uint8Array, bytes: Uint8Array]): Uint8Array {
    const parts: Uint8Array[] = [];
    let kept = 0;
    for (const { start, end } of this.#found) {
      if (end > until) break;
      parts.push(...this.#slice(source, start), marker);
      this.#done = end;
      kept++;
    }
    if (kept > 0) this.#found = this.#found.slice(kept);
    const limit = Math.min(until, this.#found[0]?.start ?? until);
    parts.push(...this.#slice(source, limit));
    this.#done = limit;
    return parts.length === 1 ? (parts[0] ?? marker) : Buffer.concat(parts);
  }

  /** The bytes from `#done` to `until`; some of them may come from an earlier push. */
  #slice([held, bytes]: readonly [Uint8Array, Uint8Array], until: number): Uint8Array[] {
    const from = this.#done - this.#taken;
    const to = until - this.#taken;
    const pieces = [held.subarray(held.length + Math.min(from, 0), held.length + Math.min(to, 0))];
    if (to > 0) pieces.push(bytes.subarray(Math.max(from, 0), to));
    return pieces.filter(({ length }) => length > 0);
  }
}
