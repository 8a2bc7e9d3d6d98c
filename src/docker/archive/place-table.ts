// The entries at the places of an archive, by number: in an array of numbers, smaller than objects would be.
import type { EntryKind } from './names.js';

/** The entry at one path. */
export interface Place {
  readonly kind: EntryKind;
  /** Of a file: the number of the archive member that contains its bytes, counted from 0. */
  readonly member?: number;
  /** Of a file: it is a hard link to that member. */
  readonly isCopy?: boolean;
  readonly sizeBytes?: number;
  /** Of a link. */
  readonly target?: string;
}

const kinds: readonly (EntryKind | undefined)[] = [undefined, 'file', 'directory', 'link'];
const copy = 4;
/** What is beside the member in the first number of a place: its kind, and whether it is a copy. */
const codes = 8;

export class PlaceTable {
  /** Two numbers for each place: the code and the member, or where the target begins; and the size, or where the target ends. */
  #rows = new Float64Array(128);
  #targets = Buffer.alloc(0);
  #targetsEnd = 0;

  /** Undefined for a place without an entry. */
  kindOf(number: number): EntryKind | undefined {
    return kinds[(this.#rows[2 * number] ?? 0) % copy];
  }

  get(number: number): Place | undefined {
    const first = this.#rows[2 * number] ?? 0;
    const second = this.#rows[2 * number + 1] ?? 0;
    const kind = this.kindOf(number);
    const rest = Math.floor(first / codes);
    if (kind === 'file') return { kind, member: rest, sizeBytes: second, isCopy: first % codes >= copy };
    return kind === 'link'
      ? { kind, target: this.#targets.toString('utf8', rest, second) }
      : kind && { kind };
  }

  put(number: number, { kind, member = 0, sizeBytes = 0, isCopy = false, target = '' }: Place): void {
    this.#makeRoom(number);
    const code = kinds.indexOf(kind) + (isCopy ? copy : 0);
    const [rest, second] = kind === 'link' ? this.#putTarget(target) : [member, sizeBytes];
    this.#rows[2 * number] = rest * codes + code;
    this.#rows[2 * number + 1] = second;
  }

  #putTarget(target: string): [start: number, end: number] {
    const start = this.#targetsEnd;
    this.#targetsEnd += Buffer.byteLength(target);
    if (this.#targetsEnd > this.#targets.length)
      this.#targets = Buffer.concat([this.#targets], Math.max(this.#targetsEnd, 2 * this.#targets.length));
    this.#targets.write(target, start);
    return [start, this.#targetsEnd];
  }

  #makeRoom(number: number): void {
    if (2 * number + 1 < this.#rows.length) return;
    const larger = new Float64Array(Math.max(2 * this.#rows.length, 2 * number + 2));
    larger.set(this.#rows);
    this.#rows = larger;
  }
}
