// Numbers the steps of many paths: in a few arrays of bytes, because an object for each would take many times its name.
import { randomFillSync } from 'node:crypto';

/** One step of a path: a part of its bytes. */
export interface Step {
  readonly path: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The step above all others. */
export const root = 0;

const longestHashed = 1024;
/**
 * Which steps collide is not known outside of this process: a sum of products with random words (Lemire and Kaser, "Strongly
 * universal string hashing is fast"), of which the upper bits are used.
 */
const words = randomFillSync(new Int32Array(3 + longestHashed));

/** Each step is numbered once below the one above it, from 1. A number is always greater than that above it. */
export class StepTable {
  #parents = new Int32Array(64);
  /** Where in the names the name of each ends; it begins where that of the number before ends. */
  #ends = new Int32Array(64);
  #names = Buffer.alloc(1024);
  /** Kept, because to hash 100,000 steps again when the table grows would hold up everybody. */
  #hashes = new Int32Array(64);
  /** A hash table of numbers, at most half full: 0 is free. */
  #slots = new Int32Array(128);
  #size = 1;

  /** One more than the greatest number. */
  get size(): number {
    return this.#size;
  }

  parentOf(number: number): number {
    return this.#parents[number] ?? root;
  }

  /** The root where there is no such step. */
  find(parent: number, step: Step): number {
    return this.#slots[this.#slotOf(parent, step)] ?? root;
  }

  /** Only for a step that `find` does not find. */
  add(parent: number, step: Step): number {
    const { path, start, end } = step;
    const number = this.#size++;
    this.#makeRoom(end - start);
    const from = this.#ends[number - 1] ?? 0;
    this.#names.set(path.subarray(start, end), from);
    this.#ends[number] = from + end - start;
    this.#parents[number] = parent;
    this.#hashes[number] = hash(parent, step);
    this.#fillSlot(number);
    return number;
  }

  pathOf(number: number): string {
    const steps: string[] = [];
    for (let at = number; at !== root; at = this.parentOf(at)) {
      const { path, start, end } = this.#stepOf(at);
      steps.push(path.toString('utf8', start, end));
    }
    return steps.toReversed().join('/');
  }

  #stepOf(number: number): Step {
    return { path: this.#names, start: this.#ends[number - 1] ?? 0, end: this.#ends[number] ?? 0 };
  }

  /** Where it is, or where it belongs. */
  #slotOf(parent: number, step: Step): number {
    const last = this.#slots.length - 1;
    for (let slot = hash(parent, step) & last; ; slot = (slot + 1) & last) {
      const number = this.#slots[slot] ?? root;
      if (number === root || (this.#parents[number] === parent && isSame(this.#stepOf(number), step)))
        return slot;
    }
  }

  #fillSlot(number: number): void {
    const last = this.#slots.length - 1;
    let slot = (this.#hashes[number] ?? 0) & last;
    while (this.#slots[slot] !== root) slot = (slot + 1) & last;
    this.#slots[slot] = number;
  }

  #makeRoom(nameBytes: number): void {
    const namesEnd = (this.#ends[this.#size - 2] ?? 0) + nameBytes;
    if (namesEnd > this.#names.length)
      this.#names = Buffer.concat([this.#names], Math.max(namesEnd, 2 * this.#names.length));
    if (this.#size <= this.#parents.length) return;
    this.#parents = doubled(this.#parents);
    this.#ends = doubled(this.#ends);
    this.#hashes = doubled(this.#hashes);
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let number = 1; number < this.#size - 1; number++) this.#fillSlot(number);
  }
}

function doubled(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * values.length);
  larger.set(values);
  return larger;
}

function isSame(a: Step, b: Step): boolean {
  return a.path.compare(b.path, b.start, b.end, a.start, a.end) === 0;
}

function hash(parent: number, { path, start, end }: Step): number {
  let sum = product(0, parent & 0xff) + product(1, (parent >> 8) & 0xff) + product(2, parent >> 16);
  for (let at = start; at < end; at++)
    sum += product(3 + ((at - start) % longestHashed), (path[at] ?? 0) + 1);
  return (sum | 0) >>> 10;
}

function product(index: number, value: number): number {
  return Math.imul(words[index] ?? 0, value);
}
