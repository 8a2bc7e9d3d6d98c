// Finds the parts of a structured secret that are secrets themselves, also parts of parts, within bounds.
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
export function leavesOf(value: string): Leaves {
  const search = new Search(mostTimesLonger * value.length);
  search.take(partsOf(value), 1);
  return search.run();
}

/** JSON has leaves and nothing else; in any other text credentials are looked for. */
function partsOf(text: string): Part[] {
  return leavesOfJson(text)?.map((leaf) => ({ text: leaf, isGuess: false })) ?? credentialsIn(text);
}

class Search {
  readonly #texts = new Set<string>();
  readonly #waiting: { readonly text: string; readonly depth: number }[] = [];
  #isWhole = true;
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  /** Parts that are too short are nowhere kept: there may be very many. */
  take(parts: readonly Part[], depth: number): void {
    for (const { text, isGuess } of parts) {
      const part = text.trim();
      if (isLongEnough(part)) this.#keep(part, depth);
      else if (part !== '' && !isGuess) this.#isWhole = false;
    }
  }

  run(): Leaves {
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
      this.take(partsOf(next.text), next.depth + 1);
    }
    return { texts: [...this.#texts], isWhole: this.#isWhole };
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
