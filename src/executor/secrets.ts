import type { Secret } from '../job/secret.js';

/**
 * Where secrets come from.
 *
 * One instance serves the whole process; calls for different jobs may overlap. A session belongs to one job. The
 * order for one job: `lookUpWrappingToken` and `readPayload` once, while its request is answered; later, on the node that runs it, `session`,
 * `lookUp`, then any of `decrypt`, `read` and `token`. The first of those three opens the session: it unwraps the
 * SecretID and logs in, which can be done once and never again. Everything before it may be repeated.
 *
 * Failures: `JobFailedError` for what no second try can mend, `BrokenError` (retryable) when Vault is sealed,
 * unreachable or overloaded. A `BrokenError` out of `lookUp` means that nothing was spent.
 */
export interface Secrets {
  /** Reads the ciphertext from a cubbyhole. Spends the last use of its token. Refuses with `cubbyhole_unreadable`. */
  readPayload(source: { token: Secret; path: string }): Promise<string>;

  /**
   * Looks a wrap up without spending it, while the request is answered: kept with the job and given to `session`, it lets
   * a wrap that is gone by then be told from one that never was. Throws as the session's `lookUp` does.
   */
  lookUpWrappingToken(wrappedSecretId: Secret): Promise<SeenWrappingToken>;

  /** Prepares a session; touches nothing. `beforeSpending` runs right before the unwrap and may throw to prevent it. */
  session(wrappedSecretId: Secret, hooks: SessionHooks, known?: WrappingTokenFacts): SecretSession;

  /**
   * Takes over the token of a job that an earlier life of this node opened: keeps it alive from now on. Disposing revokes
   * it as a session does: by itself, or by its accessor where it is unknown or another one than the accessor says.
   */
  adopt(identity: AdoptedIdentity, hooks: Pick<SessionHooks, 'onRevoked'>): AsyncDisposable;
}

/** What is left of a job's login. */
export interface AdoptedIdentity {
  /** What the job's own file calls its token; undefined where that file cannot be had. */
  readonly token: Secret | undefined;
  /** What was recorded at the login; null when there was none, or when the token is known to be revoked. */
  readonly accessor: string | null;
}

/** That a wrap was seen alive, and until when it should be: milliseconds since 1970, by Vault's clock. */
export interface WrappingTokenFacts {
  readonly expiresAt: number;
  /** Its whole life in milliseconds. */
  readonly ttlMs: number;
}

/** A wrap that was seen alive just now. */
export interface SeenWrappingToken extends WrappingTokenFacts {
  /** What was left of its life then, in milliseconds. */
  readonly leftMs: number;
}

export interface SessionHooks {
  /** The last moment before the point of no return: records it, and throws when the job must not go on. */
  readonly beforeSpending: () => Promise<void>;
  /** Told the accessor of the job's token right after login, so that anybody can revoke it after a crash. */
  readonly onToken: (accessor: string) => Promise<void>;
  /** Told once Vault has confirmed that the token is gone. */
  readonly onRevoked: () => Promise<void>;
}

/** Disposing stops the renewal and revokes the token with its leases; it never throws and may be repeated. */
export interface SecretSession extends AsyncDisposable {
  /** Checks the wrapping token without spending it: known, not expired, made by our AppRole. */
  lookUp(): Promise<void>;
  /** Opens the transit ciphertext: the payload's JSON text. */
  decrypt(ciphertext: string): Promise<string>;
  /** Reads all references, each distinct path once, in parallel. */
  read(references: readonly string[], options: { continueOnWarnings: boolean }): Promise<SecretValues>;
  /** The job's own token. */
  token(): Promise<Secret>;
}

/** Variable name to value. Not-string values are already JSON text. */
export type SecretValues = ReadonlyMap<string, Secret>;
