/** The engine's own id as far as it is known: it is asked for now and then, and needed when the engine may be away. */
export class EngineId {
  readonly #ask: () => Promise<{ readonly id: string }>;
  #id: string | undefined;

  constructor(ask: () => Promise<{ readonly id: string }>) {
    this.#ask = ask;
  }

  get id(): string | undefined {
    return this.#id;
  }

  /** Undefined when it does not answer now, so that nobody takes the word of another engine for its. Never throws. */
  async ask(): Promise<string | undefined> {
    try {
      const { id } = await this.#ask();
      if (id === '') return undefined;
      this.#id = id;
      return id;
    } catch {
      return undefined;
    }
  }
}
