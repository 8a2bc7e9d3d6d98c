// Prints the demo's steps, times and results to the terminal.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Prints steps with the time that they took, facts and texts. Colors only on a terminal. */
export class Show {
  readonly #write: (text: string) => void;
  readonly #isColored: boolean;

  constructor(write: (text: string) => void, isColored: boolean) {
    this.#write = write;
    this.#isColored = isColored;
  }

  title(text: string): void {
    this.#write(`\n${this.#paint('bold', text)}\n`);
  }

  /** Does the step, then prints its line; `describe` may add its result. */
  async step<T>(text: string, work: () => Promise<T>, describe?: (result: T) => string): Promise<T> {
    const startedAt = performance.now();
    const result = await work().catch((error: unknown) => {
      this.#write(`  ${this.#paint('red', '✗')} ${text}\n`);
      throw error;
    });
    const detail = describe === undefined ? '' : `: ${describe(result)}`;
    const took = `${Math.round(performance.now() - startedAt)} ms`;
    this.#write(`  ${this.#paint('green', '✓')} ${text}${detail} ${this.#paint('dim', `(${took})`)}\n`);
    return result;
  }

  fact(name: string, value: string): void {
    this.#write(`  ${this.#paint('dim', name.padEnd(12))} ${value}\n`);
  }

  /** A text of several lines, unchanged. */
  text(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#write(`  ${this.#paint('dim', '│')} ${line}\n`);
  }

  line(text = ''): void {
    this.#write(`${text}\n`);
  }

  #paint(style: Style, text: string): string {
    return this.#isColored ? styleText(style, text, { validateStream: false }) : text;
  }
}
