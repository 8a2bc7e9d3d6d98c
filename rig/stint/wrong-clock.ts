// Gives a Node process a wrong clock that can be set while the process runs.
import { rename, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { repositoryPath } from '../repository.js';

/** Only the settable clock is wrong (`Date`); timers and `performance.now` stay right. */
export class WrongClock {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Creates `file`, which tells the process its offset. The caller removes it after the process has ended. */
  static async start(file: string, offsetMs: number): Promise<WrongClock> {
    const clock = new WrongClock(file);
    await clock.set(offsetMs);
    return clock;
  }

  /** Sets the offset from the right time; below zero the clock is behind. It takes effect within some 20 ms. */
  async set(offsetMs: number): Promise<void> {
    await writeFile(`${this.#file}.new`, String(Math.round(offsetMs)));
    await rename(`${this.#file}.new`, this.#file); // A rename, so that the process never reads half of it.
  }

  /** Node's arguments before the name of the program. */
  get args(): readonly string[] {
    return ['--import', pathToFileURL(repositoryPath('rig', 'wrong-clock.mjs')).href];
  }

  get env(): Readonly<Record<string, string>> {
    return { WRONG_CLOCK_FILE: this.#file };
  }
}
