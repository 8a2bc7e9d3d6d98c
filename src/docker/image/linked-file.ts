// Finds a file in a container that was not started as a program inside would: links lead on within its root.
import type { Engine } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';
import { type FoundEntry, readEntry } from '../engine/tar-file.js';

/** As many as Linux follows on the way to one file. */
export const mostLinks = 40;
/** Each is a request to the engine, and links of strangers may name thousands. */
const mostSteps = 1_000;

/** The way to a file goes over more links than Linux follows, or over far too many names: round in a circle, most likely. */
export class TooManyLinks extends Error {}

export interface LinkedFile {
  /** Where it really lies. */
  readonly path: string;
  readonly entry: Exclude<FoundEntry, { kind: 'link' }>;
}

interface Place {
  readonly engine: Pick<Engine, 'findFile'>;
  readonly containerId: string;
  /** Of a file, so many bytes are read. */
  readonly mostBytes: number;
}

/**
 * What is at this absolute path, links followed. `undefined`: nothing is there at all; `dangling`: a link is, and leads to
 * nothing. The engine follows links to the left of the last slash by itself and none at the end. Throws `TooManyLinks`.
 */
export async function findLinkedFile(
  place: Place,
  path: string,
): Promise<LinkedFile | 'dangling' | undefined> {
  const entry = await look(place, path);
  if (entry?.kind !== 'link') return entry && { path, entry };
  return (await new Walk(place, path).toEnd()) ?? 'dangling';
}

/** Goes name by name, since `..` behind a link means the directory above the one that it leads to. */
class Walk {
  readonly #place: Place;
  /** Names still to come, the next one last. */
  readonly #ahead: string[];
  /** Names of the directories gone through, none of them a link. */
  #behind: string[] = [];
  #entry: LinkedFile['entry'] = { kind: 'directory' };
  #links = 0;
  #steps = 0;

  constructor(place: Place, path: string) {
    this.#place = place;
    this.#ahead = path.split('/').toReversed();
  }

  async toEnd(): Promise<LinkedFile | undefined> {
    for (let name = this.#ahead.pop(); name !== undefined; name = this.#ahead.pop())
      if (this.#entry.kind !== 'directory' || !(await this.#step(name))) return undefined;
    return { path: pathOf(this.#behind), entry: this.#entry };
  }

  /** False: there is nothing of this name. */
  async #step(name: string): Promise<boolean> {
    if (name === '' || name === '.') return true;
    if (name === '..') {
      this.#behind.pop();
      return true;
    }
    if (++this.#steps > mostSteps) throw new TooManyLinks();
    const entry = await look(this.#place, pathOf([...this.#behind, name]));
    if (entry === undefined) return false;
    if (entry.kind === 'link') this.#follow(entry.target);
    else {
      this.#behind.push(name);
      this.#entry = entry;
    }
    return true;
  }

  #follow(target: string): void {
    if (++this.#links > mostLinks) throw new TooManyLinks();
    this.#ahead.push(...target.split('/').toReversed());
    if (target.startsWith('/')) this.#behind = [];
  }
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

async function look(
  { engine, containerId, mostBytes }: Place,
  path: string,
): Promise<FoundEntry | undefined> {
  try {
    const tar = await engine.findFile(containerId, path);
    return tar && (await readEntry(tar, mostBytes));
  } catch (error) {
    if (isFault(error, 'link_loop')) throw new TooManyLinks();
    throw error;
  }
}
