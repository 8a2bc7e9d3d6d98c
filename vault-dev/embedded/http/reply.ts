/** JSON as it comes and goes. */
export type Fields = Record<string, unknown>;

/** What an engine answers; nothing at all becomes 204. */
export interface Reply {
  /** 200 where it is not given. */
  readonly status?: number;
  readonly data?: Fields | null;
  /** The data stands at the top of the answer too, as Vault's oldest calls have it. */
  readonly isFlat?: boolean;
  readonly auth?: Fields;
  readonly warnings?: readonly string[];
  readonly leaseSeconds?: number;
  /** Of what is inside, for the answer that says only that it was wrapped. */
  readonly wrappedAccessor?: string;
  /** Sent as it is, in place of the usual frame. */
  readonly whole?: Fields;
}

/** An answer that is an error: `{"errors": [...]}`. Its texts are Vault's own, because clients match them. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly errors: readonly string[];

  constructor(status: number, ...errors: string[]) {
    super(errors.join('; '));
    this.status = status;
    this.errors = errors;
  }
}

/** Vault answers 404 without a word where there is nothing. */
export function nothing(): Refusal {
  return new Refusal(404);
}

/** Errors that come from deep inside have this form: a missing right is told from a dead token by it alone. */
export function listed(status: number, text: string): Refusal {
  return new Refusal(status, `1 error occurred:\n\t* ${text}\n\n`);
}

/** Names in order; 404 where there are none. */
export function list(keys: Iterable<string>): Reply {
  const sorted = [...keys].toSorted();
  if (sorted.length === 0) throw nothing();
  return { data: { keys: sorted } };
}

/** The names right below a prefix, as a folder shows them: what lies deeper ends with a slash. */
export function below(prefix: string, paths: Iterable<string>): Reply {
  const names = [...paths]
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length).replace(/\/.*$/s, '/'));
  return list(new Set(names));
}
