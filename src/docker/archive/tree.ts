import type { EntryKind } from './names.js';

/** Remembers what an archive has put where, and notices when one entry gets in the way of another. */
export class ArchiveTree {
  /** Directories that are only implied by what lies in them are in it as `implied`. */
  readonly #places = new Map<string, EntryKind | 'implied'>();

  /** Why this entry cannot be beside the ones before it; undefined when it can, and then it is remembered. */
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
