// Asks the container engine for its id and remembers the last answer for times when it is unavailable.
/** The last known id of the engine. It is asked for now and then, but is also needed while the engine is unavailable. */
export class EngineId {
  readonly #ask: () => Promise<{ readonly id: string }>;
  #id: string | undefined;

  constructor(ask: () => Promise<{ readonly id: string }>) {
    this.#ask = ask;
  }

  get id(): string | undefined {
    return this.#id;
  }

  /** Asks now. Undefined when there is no answer: the remembered id may be that of another engine. Never throws. */
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
