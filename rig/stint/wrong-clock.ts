import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The clock on the wall of a Node process that is wrong, and may be set while it runs. */
export class WrongClock {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** `file` is made, and belongs to the clock; whoever gave it removes it, after the process. */
  static async start(file: string, offsetMs: number): Promise<WrongClock> {
    const clock = new WrongClock(file);
    await clock.set(offsetMs);
    return clock;
  }

  /** Lets it jump: from soon on, at most after some 20 ms, it is so much ahead of the right time; behind, below zero. */
  async set(offsetMs: number): Promise<void> {
    await writeFile(`${this.#file}.new`, String(Math.round(offsetMs)));
    await rename(`${this.#file}.new`, this.#file); // Never half of it is read.
  }

  /** What Node is to be given before the name of its program. */
  get args(): readonly string[] {
    return ['--import', pathToFileURL(findPreload()).href];
  }

  get env(): Readonly<Record<string, string>> {
    return { WRONG_CLOCK_FILE: this.#file };
  }
}

/** Seen from `rig/` and from the compiled `dist/rig/`. */
function findPreload(): string {
  const beside = join(import.meta.dirname, 'wrong-clock.mjs');
  return existsSync(beside) ? beside : join(import.meta.dirname, '..', '..', 'rig', 'wrong-clock.mjs');
}
