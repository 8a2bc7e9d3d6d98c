// Collects what is wrong with a task: one line a problem, the field first, as JobProxy's clients expect.

import { describe, quote } from '../../request/sentence.js';

/** Enough to correct a task with; a list of thousands would not help. */
const mostLines = 20;

/** Collects problems. Values that may be secret are described and never quoted. */
export class Problems {
  readonly #lines: string[] = [];
  #hasMore = false;

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** For a caller that goes through a long list: nothing more would be kept. */
  get isFull(): boolean {
    return this.#hasMore;
  }

  get text(): string {
    return [...this.#lines, ...(this.#hasMore ? ['There are more.'] : [])].join('\n');
  }

  add(line: string): void {
    if (this.#lines.length < mostLines) this.#lines.push(line);
    else this.#hasMore = true;
  }

  /** Clients look for these words, and for those of `tooShort`. */
  missing(field: string, hint = ''): void {
    this.add(`${field}: may not be null${hint}`);
  }

  tooShort(field: string): void {
    this.add(`${field}: size must be between 1 and 2147483647`);
  }

  expected(field: string, expected: string, value: unknown): void {
    this.add(`${field}: expected ${expected}, got ${describe(value)}`);
  }

  /** Where the value is a short word that cannot be secret. */
  expectedWord(field: string, expected: string, word: string): void {
    this.add(`${field}: expected ${expected}, got ${quote(word)}`);
  }
}
