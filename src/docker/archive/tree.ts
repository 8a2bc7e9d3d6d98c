// Remembers which entry is at which path, in bounded memory, and finds entries that conflict with each other.
import { contentRefused } from './errors.js';
import type { EntryKind } from './names.js';
import { type Place, PlaceTable } from './place-table.js';
import type { ArchiveLimits } from './rules.js';
import { root, type Step, StepTable } from './step-table.js';

type Limits = Pick<ArchiveLimits, 'places' | 'allNamesBytes'>;

const slash = 0x2f;

/**
 * Remembers the entry at each path of an archive. Each step of a path is stored once, because whole paths would take
 * memory that grows with the square of their depth. Places are numbered, a directory always before what is below it.
 */
export class ArchiveTree {
  readonly #limits: Limits;
  readonly #steps = new StepTable();
  readonly #places = new PlaceTable();
  #namesBytes = 0;
  #copies = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Why this entry conflicts with an earlier one; undefined when it does not, and then it is remembered. */
  add(path: string, place: Place): string | undefined {
    let parent = root;
    for (const step of stepsOf(path)) {
      if (step.end === step.path.length) return this.#put(parent, step, place);
      parent = this.#steps.find(parent, step) || this.#grow(parent, step);
      const above = this.#places.kindOf(parent) ?? 'directory';
      if (above !== 'directory') return `it lies below a ${above} of the archive`;
    }
    return undefined;
  }

  /** Of two entries of the same kind the last one counts, as in other programs: `tar -r` appends newer files. */
  #put(parent: number, step: Step, place: Place): string | undefined {
    const known = this.#steps.find(parent, step);
    const before = this.#places.kindOf(known);
    if (known !== root && before === undefined && place.kind !== 'directory')
      return 'other entries lie below it';
    if (before !== undefined && before !== place.kind)
      return `its name belongs to a ${before} of the archive already`;
    this.#countNames(Buffer.byteLength(place.target ?? ''));
    this.#places.put(known || this.#grow(parent, step), place);
    if (place.isCopy === true) this.#copies++;
    return undefined;
  }

  /** Undefined where there is nothing; `implied` for a directory without an entry of its own. */
  find(path: string): Place | 'implied' | undefined {
    let number = root;
    for (const step of stepsOf(path)) {
      number = this.#steps.find(number, step);
      if (number === root) return undefined;
    }
    return this.#places.get(number) ?? 'implied';
  }

  /** The greatest number of a place; the root is 0. */
  get last(): number {
    return this.#steps.size - 1;
  }

  /** Whether it ever had a hard link. */
  get hasCopies(): boolean {
    return this.#copies > 0;
  }

  /** Undefined for a directory without an entry of its own, known only from the entries below it. */
  placeOf(number: number): Place | undefined {
    return this.#places.get(number);
  }

  kindOf(number: number): EntryKind | undefined {
    return this.#places.kindOf(number);
  }

  /** 0 for the root. */
  parentOf(number: number): number {
    return this.#steps.parentOf(number);
  }

  pathOf(number: number): string {
    return this.#steps.pathOf(number);
  }

  #grow(parent: number, step: Step): number {
    if (this.#steps.size > this.#limits.places) throw tooManyPlaces(this.#limits);
    this.#countNames(step.end - step.start);
    return this.#steps.add(parent, step);
  }

  #countNames(bytes: number): void {
    this.#namesBytes += bytes;
    if (this.#namesBytes > this.#limits.allNamesBytes) throw namesTooLong(this.#limits);
  }
}

/** The last one ends where the path ends. */
function* stepsOf(text: string): Generator<Step> {
  const path = Buffer.from(text);
  for (let start = 0, end = 0; end < path.length; start = end + 1) {
    const next = path.indexOf(slash, start);
    end = next < 0 ? path.length : next;
    yield { path, start, end };
  }
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
