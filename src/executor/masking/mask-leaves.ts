// Finds the parts of a structured secret that are secrets themselves, also parts of parts, within bounds.
import type { Steps } from '../../job/payload/steps.js';
import { credentialsIn, type Part } from './mask-credentials.js';
import { leavesOfJson } from './mask-json.js';
import { isLongEnough } from './mask-length.js';

/** JSON in base64 in JSON is three deep. */
const mostDepth = 6;
const mostLeaves = 4_000;
/** All parts together, in characters for each of the value. */
const mostTimesLonger = 3;

export interface Leaves {
  /** Those that are long enough to be masked. */
  readonly texts: readonly string[];
  /** False where a part stays visible: too short, or one of too many. */
  readonly isWhole: boolean;
}

/** `value` has no blanks at its ends. */
export function leavesOf(value: string): Steps<Leaves> {
  return new Search(mostTimesLonger * value.length).run(value);
}

class Search {
  readonly #texts = new Set<string>();
  readonly #waiting: { readonly text: string; readonly depth: number }[] = [];
  #isWhole = true;
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  *run(value: string): Steps<Leaves> {
    yield* this.#lookIn(value, 1);
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop())
      yield* this.#lookIn(next.text, next.depth + 1);
    return { texts: [...this.#texts], isWhole: this.#isWhole };
  }

  /** JSON has leaves and nothing else; in any other text, and in JSON that is not taken apart, credentials are looked for. */
  *#lookIn(text: string, depth: number): Steps<void> {
    const leaves = yield* leavesOfJson(text);
    if (leaves === 'too many') this.#isWhole = false;
    const parts = Array.isArray(leaves)
      ? leaves.map((leaf) => ({ text: leaf, isGuess: false }))
      : credentialsIn(text);
    for (const part of parts) {
      if (part !== undefined) this.#take(part, depth);
      yield;
    }
  }

  /** Parts that are too short are nowhere kept: there may be very many. */
  #take({ text, isGuess }: Part, depth: number): void {
    const part = text.trim();
    if (isLongEnough(part)) this.#keep(part, depth);
    else if (part !== '' && !isGuess) this.#isWhole = false;
  }

  #keep(part: string, depth: number): void {
    if (this.#texts.has(part)) return;
    this.#room -= part.length;
    if (depth > mostDepth || this.#room < 0 || this.#texts.size >= mostLeaves) {
      this.#isWhole = false;
      return;
    }
    this.#texts.add(part);
    this.#waiting.push({ text: part, depth });
  }
}
