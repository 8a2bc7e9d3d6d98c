// Where Postgres is and who logs in there, which may change while stint runs.

/** How long the connections of a former login are left to their statements: longer than the server lets one run. */
export const drainMs = 10_000;

/** Resolves when the connections with the former address are closed. */
type Listener = () => Promise<void>;

/** An address that may get another login. All connections that are made later use it. */
export class DatabaseAddress {
  #url: string;
  readonly #listeners = new Set<Listener>();

  constructor(url: string) {
    this.#url = url;
  }

  get url(): string {
    return this.#url;
  }

  /** Lets all who are connected change over. Resolves when nobody uses the former login any more. */
  async change(url: string): Promise<void> {
    this.#url = url;
    await Promise.all([...this.#listeners].map((listener) => listener()));
  }

  onChange(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

/** The address with this login in the place of any other. */
export function addressWith(url: string, user: { readonly name: string; readonly password: string }): string {
  const login = `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}`;
  return url.replace(/^([a-z]+:\/\/)(?:[^/?#]*@)?/, `$1${login}@`);
}
