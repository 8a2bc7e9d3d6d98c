// A wrapper for secret values that keeps them out of logs, JSON and error texts.

import { inspect } from 'node:util';

/** What is printed in place of the value. */
const shown = '[secret]';

/**
 * A value that must not be seen: a token, a SecretID, a password. It prints as `[secret]` in strings, JSON and
 * `inspect`, so a log line or an error that holds one by mistake reveals nothing. `reveal` is the only way to the value:
 * a search for that word finds every place that uses one in the clear.
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
