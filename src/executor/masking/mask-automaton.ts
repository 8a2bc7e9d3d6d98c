// Finds all occurrences of many byte patterns in one pass (Aho and Corasick).
import type { Steps } from '../../job/payload/steps.js';

/** Both "no node" and the root. One number can mean both, because only a failed step leads back to the root. */
const none = 0;

/** In one step. Of random lines a byte takes a microsecond, because the nodes near the root have many children. */
const bytesAtOnce = 1024;

/**
 * A state stands for the longest end of the text so far that is the beginning of a pattern. Shorter beginnings are not
 * lost, so a secret is found that starts within the failed beginning of another one. Children are in linked lists,
 * which keeps a node small; only the root has a table.
 */
export class Automaton {
  readonly #patterns: readonly Uint8Array[];
  readonly #root = new Int32Array(256);
  readonly #child: Int32Array;
  readonly #sibling: Int32Array;
  readonly #letter: Uint8Array;
  readonly #depth: Int32Array;
  /** The pattern for which the node was created: its beginning, as long as the node is deep, is the node's text. */
  readonly #pattern: Int32Array;
  /** The node of the longest proper suffix of its text (failure link). */
  readonly #fail: Int32Array;
  /** Length of the longest pattern that the node's text ends with. */
  readonly #match: Int32Array;
  /** Whose that pattern is. */
  readonly #owner: Uint16Array;
  /** The node itself, or for a leaf the longest suffix from which a pattern can continue. */
  readonly #pruned: Int32Array;
  #nodes = 1;

  private constructor(patterns: readonly Uint8Array[]) {
    const most = patterns.reduce((sum, { length }) => sum + length, 1);
    this.#patterns = patterns;
    this.#child = new Int32Array(most);
    this.#sibling = new Int32Array(most);
    this.#letter = new Uint8Array(most);
    this.#depth = new Int32Array(most);
    this.#pattern = new Int32Array(most);
    this.#fail = new Int32Array(most);
    this.#match = new Int32Array(most);
    this.#pruned = new Int32Array(most);
    this.#owner = new Uint16Array(most);
  }

  /** `owners`: whose each pattern is, by numbers. */
  static *of(patterns: readonly Uint8Array[], owners: readonly number[]): Steps<Automaton> {
    const automaton = new Automaton(patterns);
    for (const [index, pattern] of patterns.entries()) {
      const node = yield* automaton.#insert(index, pattern);
      automaton.#match[node] = pattern.length;
      automaton.#owner[node] = owners[index] ?? 0;
    }
    yield* automaton.#link();
    return automaton;
  }

  /** The state after one more byte. `prune` it after reading its match. */
  step(state: number, byte: number): number {
    let node = state;
    let next = this.#childOf(node, byte);
    while (next === none && node !== none) {
      node = at(this.#fail, node);
      next = this.#childOf(node, byte);
    }
    return next;
  }

  /** The state to continue from: drops bytes that can no longer become a match and so need not be held back. */
  prune(state: number): number {
    return at(this.#pruned, state);
  }

  /** Length of the longest pattern that ends here; 0 when none does. */
  matchLength(state: number): number {
    return at(this.#match, state);
  }

  /** Whose the longest pattern is that ends here. */
  owner(state: number): number {
    return at(this.#owner, state);
  }

  depth(state: number): number {
    return at(this.#depth, state);
  }

  /** The bytes that led to a state. */
  text(state: number): Uint8Array {
    const pattern = this.#patterns[at(this.#pattern, state)];
    return pattern?.subarray(0, this.depth(state)) ?? new Uint8Array();
  }

  #childOf(node: number, byte: number): number {
    if (node === none) return at(this.#root, byte);
    let child = at(this.#child, node);
    while (child !== none && this.#letter[child] !== byte) child = at(this.#sibling, child);
    return child;
  }

  /** The node at its end. */
  *#insert(index: number, pattern: Uint8Array): Steps<number> {
    let node = none;
    for (let from = 0; from < pattern.length; from += bytesAtOnce) {
      node = this.#extend(node, pattern.subarray(from, from + bytesAtOnce), index);
      yield;
    }
    return node;
  }

  #extend(from: number, bytes: Uint8Array, index: number): number {
    let node = from;
    for (const byte of bytes) {
      const child = this.#childOf(node, byte);
      node = child === none ? this.#grow(node, byte, index) : child;
    }
    return node;
  }

  #grow(parent: number, byte: number, index: number): number {
    const node = this.#nodes++;
    this.#letter[node] = byte;
    this.#depth[node] = this.depth(parent) + 1;
    this.#pattern[node] = index;
    if (parent === none) this.#root[byte] = node;
    else this.#sibling[node] = at(this.#child, parent);
    this.#child[parent] = node;
    return node;
  }

  /** In order of depth, because a node's links are computed from those of shallower nodes. */
  *#link(): Steps<void> {
    const queue = this.#root.filter((node) => node !== none);
    const waiting = new Int32Array(this.#nodes);
    waiting.set(queue);
    let filled = queue.length;
    for (let read = 0; read < filled; read++) {
      if (read % bytesAtOnce === 0) yield;
      const node = at(waiting, read);
      this.#finish(node);
      for (let child = at(this.#child, node); child !== none; child = at(this.#sibling, child)) {
        this.#fail[child] = this.step(at(this.#fail, node), at(this.#letter, child));
        waiting[filled++] = child;
      }
    }
  }

  #finish(node: number): void {
    const fail = at(this.#fail, node);
    if (at(this.#match, node) === 0) {
      this.#match[node] = at(this.#match, fail);
      this.#owner[node] = this.owner(fail);
    }
    this.#pruned[node] = at(this.#child, node) === none ? at(this.#pruned, fail) : node;
  }
}

function at(table: Int32Array | Uint16Array | Uint8Array, index: number): number {
  return table[index] ?? none;
}
