// Keeps what was opened, so that shutdown and a failed start close it in reverse order.
/** A stack of opened parts. They close in reverse, because each part may depend on those before it. */
export class Closers {
  readonly #open: (Disposable | AsyncDisposable)[] = [];

  add<T extends Disposable | AsyncDisposable>(part: T): T {
    this.#open.push(part);
    return part;
  }

  /** Closes all parts, also when one of them fails; then throws the first failure. May be repeated. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let part = this.#open.pop(); part !== undefined; part = this.#open.pop()) {
      try {
        await close(part);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

async function close(part: Disposable | AsyncDisposable): Promise<void> {
  if (Symbol.asyncDispose in part) await part[Symbol.asyncDispose]();
  else part[Symbol.dispose]();
}
