// Finds entries of one archive that conflict with each other.
import type { EntryKind } from './names.js';

/** Remembers the kind of entry at each path of an archive. */
export class ArchiveTree {
  /** A directory without an entry of its own, known only from the entries below it, is `implied`. */
  readonly #places = new Map<string, EntryKind | 'implied'>();

  /** Why this entry conflicts with an earlier one; undefined when it does not, and then it is remembered. */
  add(path: string, kind: EntryKind): string | undefined {
    const before = this.#places.get(path);
    if (before !== undefined && !(before === 'implied' && kind === 'directory'))
      return before === 'implied' ? 'other entries lie below it' : 'its name occurs twice';
    const parents = parentsOf(path);
    const blocked = parents.map((parent) => this.#places.get(parent)).find(isNoDirectory);
    if (blocked !== undefined) return `it lies below a ${blocked} of the archive`;
    this.#places.set(path, kind);
    for (const parent of parents) if (!this.#places.has(parent)) this.#places.set(parent, 'implied');
    return undefined;
  }
}

function isNoDirectory(kind: EntryKind | 'implied' | undefined): boolean {
  return kind === 'file' || kind === 'link';
}

function parentsOf(path: string): string[] {
  const steps = path.split('/');
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join('/'));
}
