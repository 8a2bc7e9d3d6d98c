import { inspect } from 'node:util';

/** What a secret shows of itself wherever it is printed. */
const shown = '[secret]';

/**
 * A value that must not be seen: a token, a SecretID, a password. It prints as `[secret]` in strings, JSON and
 * `inspect`, so a log line or an error that holds one by mistake gives nothing away. `reveal` is the only way in;
 * a search for that word finds every place where a secret leaves its wrapper.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [inspect.custom](): string {
    return shown;
  }
}
