import type { Secret } from '../job/secret.js';

/**
 * Where secrets come from.
 *
 * One instance serves the whole process; calls for different jobs may overlap. A session belongs to one job. The
 * order for one job: `readPayload` once, while its request is answered; later, on the node that runs it, `session`,
 * `lookUp`, then any of `decrypt`, `read` and `token`. The first of those three opens the session: it unwraps the
 * SecretID and logs in, which can be done once and never again. Everything before it may be repeated.
 *
 * Failures: `JobFailedError` for what no second try can mend, `BrokenError` (retryable) when Vault is sealed,
 * unreachable or overloaded. A `BrokenError` out of `lookUp` means that nothing was spent.
 */
export interface Secrets {
  /** Reads the ciphertext from a cubbyhole. Spends the last use of its token. Refuses with `cubbyhole_unreadable`. */
  readPayload(source: { token: Secret; path: string }): Promise<string>;

  /** Prepares a session; touches nothing. `beforeSpending` runs right before the unwrap and may throw to prevent it. */
  session(wrappedSecretId: Secret, hooks: SessionHooks): SecretSession;
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
