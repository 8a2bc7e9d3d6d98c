// What engines return: replies and errors in the format of Vault.

/** A JSON object, as sent or received. */
export type Fields = Record<string, unknown>;

/** What an engine answers; nothing at all becomes 204. */
export interface Reply {
  /** 200 by default. */
  readonly status?: number;
  readonly data?: Fields | null;
  /** The data is repeated at the top level of the answer, as in Vault's oldest calls. */
  readonly isFlat?: boolean;
  readonly auth?: Fields;
  readonly warnings?: readonly string[];
  readonly leaseSeconds?: number;
  /** Accessor of the token inside, shown in the answer when this reply is wrapped. */
  readonly wrappedAccessor?: string;
  /** Sent as it is, without the usual envelope. */
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

/** Vault answers 404 without an error text when nothing is found. */
export function nothing(): Refusal {
  return new Refusal(404);
}

/** Vault's internal errors have this form. Only the form distinguishes a missing right from an ended token. */
export function listed(status: number, text: string): Refusal {
  return new Refusal(status, `1 error occurred:\n\t* ${text}\n\n`);
}

/** Names in order; 404 if there are none. */
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
