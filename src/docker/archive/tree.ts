// Remembers which entry is at which path, in bounded memory, and finds entries that conflict with each other.
import { contentRefused } from './errors.js';
import type { EntryKind } from './names.js';
import type { ArchiveLimits } from './rules.js';

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

type Limits = Pick<ArchiveLimits, 'places' | 'allNamesBytes'>;

const root = 0;

/**
 * Remembers the entry at each path of an archive. Each step of a path is stored once, because whole paths would take
 * memory that grows with the square of their depth. Places are numbered, a directory always before what is below it.
 */
export class ArchiveTree {
  readonly #limits: Limits;
  readonly #numbers = new Map<string, number>();
  /** Undefined for a directory without an entry of its own, known only from the entries below it. */
  readonly #places: (Place | undefined)[] = [undefined];
  readonly #parents: number[] = [root];
  /** The number of the place above, a slash, and the step from there. */
  readonly #keys: string[] = [''];
  #namesBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Why this entry conflicts with an earlier one; undefined when it does not, and then it is remembered. */
  add(path: string, place: Place): string | undefined {
    const steps = path.split('/');
    const last = steps.pop() ?? '';
    let parent = root;
    for (const step of steps) {
      parent = this.#child(parent, step) ?? this.#grow(parent, step);
      const above = this.#places[parent]?.kind ?? 'directory';
      if (above !== 'directory') return `it lies below a ${above} of the archive`;
    }
    return this.#put(parent, last, place);
  }

  /** Of two entries of the same kind the last one counts, as in other programs: `tar -r` appends newer files. */
  #put(parent: number, step: string, place: Place): string | undefined {
    const known = this.#child(parent, step);
    const before = known === undefined ? undefined : (this.#places[known]?.kind ?? 'implied');
    if (before === 'implied' && place.kind !== 'directory') return 'other entries lie below it';
    if (before !== undefined && before !== 'implied' && before !== place.kind)
      return `its name belongs to a ${before} of the archive already`;
    this.#countNames(place.target ?? '');
    this.#places[known ?? this.#grow(parent, step)] = place;
    return undefined;
  }

  /** Undefined where there is nothing; `implied` for a directory without an entry of its own. */
  find(path: string): Place | 'implied' | undefined {
    let number: number | undefined = root;
    for (const step of path.split('/')) {
      number = this.#child(number, step);
      if (number === undefined) return undefined;
    }
    return this.#places[number] ?? 'implied';
  }

  /** All places without the root, each directory before what is below it. */
  *places(): Generator<NumberedPlace> {
    for (let number = 1; number < this.#places.length; number++)
      yield { number, parent: this.#parents[number] ?? root, place: this.#places[number] };
  }

  get size(): number {
    return this.#places.length;
  }

  pathOf(number: number): string {
    const steps: string[] = [];
    for (let at = number; at !== root; at = this.#parents[at] ?? root)
      steps.push(stepOf(this.#keys[at] ?? ''));
    return steps.toReversed().join('/');
  }

  #child(parent: number, step: string): number | undefined {
    return this.#numbers.get(`${parent}/${step}`);
  }

  #grow(parent: number, step: string): number {
    const number = this.#places.length;
    if (number > this.#limits.places) throw tooManyPlaces(this.#limits);
    this.#countNames(step);
    const key = flat(`${parent}/${step}`);
    this.#numbers.set(key, number);
    this.#keys.push(key);
    this.#parents.push(parent);
    this.#places.push(undefined);
    return number;
  }

  #countNames(text: string): void {
    this.#namesBytes += Buffer.byteLength(text);
    if (this.#namesBytes > this.#limits.allNamesBytes) throw namesTooLong(this.#limits);
  }
}

export interface NumberedPlace {
  readonly number: number;
  /** 0 for the root. */
  readonly parent: number;
  readonly place: Place | undefined;
}

function stepOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

/** Copies the string: V8 would otherwise keep the longer strings that it was cut or joined from. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}

function tooManyPlaces({ places }: Limits): Error {
  return contentRefused(
    'content_too_many_entries',
    `Expected \`content\` to fill at most ${places} places, files and all directories that lead to them, got more. Pack them into one file inside it.`,
  );
}

function namesTooLong({ allNamesBytes }: Limits): Error {
  return contentRefused(
    'content_names_too_long',
    `Expected the names in \`content\` to be at most ${allNamesBytes} bytes long together, got more. Shorten them, or pack the files into one inside it.`,
  );
}
