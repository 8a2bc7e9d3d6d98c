// The contract `Secrets`: how a job's secrets are opened, read and revoked.
import type { SecretRead } from '../job/audit/secret-read.js';
import type { Ciphertext } from '../job/job.js';
import type { Secret } from '../job/secret.js';

/**
 * One instance serves the whole process; calls for different jobs may overlap. A session belongs to one job. The order
 * for one job: `lookUpWrappingToken` and `readCubbyhole` once, while its request is answered; later, on the node that
 * runs it, `session`, `lookUp`, then any of `decrypt`, `readKeys`, `read` and `token`. The first of those opens the session:
 * it unwraps the SecretID and logs in, which is possible only once. Everything before it may be repeated.
 *
 * Failures: `JobFailedError` for what a retry cannot fix, `BrokenError` (retryable) when Vault is sealed, unreachable
 * or overloaded. A `BrokenError` from `lookUp` means that nothing was spent.
 */
export interface Secrets {
  /** Reads the ciphertext from a cubbyhole. Spends the last use of its token. Refuses with `cubbyhole_unreadable`. */
  readCubbyhole(source: { token: Secret; path: string }): Promise<Ciphertext>;

  /**
   * Looks up a wrapping token without spending it, while the request is answered. The result is stored with the job and
   * given to `session`, so that a token that has expired by then can be told from one that never existed. Throws like
   * the session's `lookUp`.
   */
  lookUpWrappingToken(wrappedSecretId: Secret): Promise<SeenWrappingToken>;

  /**
   * Prepares a session without any request. `beforeSpending` runs right before the unwrap and may throw to prevent it.
   */
  session(wrappedSecretId: Secret, hooks: SessionHooks, known?: WrappingTokenFacts): SecretSession;

  /**
   * A session with the token of an earlier one that was released. Disposing leaves the token valid. It renews the token, but
   * for one that is renewed by others: then Vault is asked for nothing before something is read.
   */
  join(token: Secret, renewal: 'own' | 'others'): SecretSession;

  /**
   * Renews a login that was kept, and what it leased, once. `BrokenError` while Vault is unavailable. What Vault extends no
   * further is reported and not in the answer.
   */
  renew(login: KeptLogin): Promise<LoginTerms>;

  /**
   * Takes over the token of a job whose session a previous process of this node opened, and renews it from now on.
   * Disposing revokes it like a session: by the token itself, or by its accessor when the token is unknown or does not
   * match the accessor.
   */
  adopt(identity: AdoptedIdentity, hooks: Pick<SessionHooks, 'onRevoked'>): AsyncDisposable;
}

/** A login that outlives the session that made it. */
export interface KeptLogin {
  readonly token: Secret;
  readonly accessor: string;
  /** The ids of the leases of its secrets. */
  readonly leases: readonly string[];
}

/** How a login is kept valid. */
export interface LoginTerms {
  /** The ids of the leases that can be renewed. */
  readonly leases: readonly string[];
  /** When it is to be renewed, in milliseconds; undefined: never, as for a token of few uses, which each renewal would take one of. */
  readonly renewInMs: number | undefined;
}

/** What is left of a job's login. */
export interface AdoptedIdentity {
  /** The token in the job's secrets file; undefined when that file cannot be read. */
  readonly token: Secret | undefined;
  /** The accessor recorded at the login; null when there was no login, or when the token is known to be revoked. */
  readonly accessor: string | null;
}

/** What a look-up of a valid wrapping token found. */
export interface WrappingTokenFacts {
  /** Milliseconds since 1970, by Vault's clock. */
  readonly expiresAt: number;
  /** Its whole lifetime in milliseconds. */
  readonly ttlMs: number;
}

/** A wrapping token that was just found valid. */
export interface SeenWrappingToken extends WrappingTokenFacts {
  /** Its remaining lifetime at the look-up, in milliseconds. */
  readonly leftMs: number;
}

export interface SessionHooks {
  /** Called right before the unwrap, the point of no return: records it, and throws when the job must not continue. */
  readonly beforeSpending: () => Promise<void>;
  /**
   * Called with the accessor of the job's token right after the login, so that any node can revoke it after a crash.
   */
  readonly onToken: (accessor: string) => Promise<void>;
  /** Called once Vault has confirmed that the token is revoked; with how often it and its leases were renewed, if that is known. */
  readonly onRevoked: (renewals?: number) => Promise<void>;
}

/** Disposing stops the renewal and revokes the token with its leases; it never throws and may be repeated. */
export interface SecretSession extends AsyncDisposable {
  /** Checks the wrapping token without spending it: known, not expired, created by our AppRole. */
  lookUp(): Promise<void>;
  /** Opens the transit ciphertext: the payload's JSON text, a long one as its bytes in UTF-8. */
  decrypt(ciphertext: Ciphertext): Promise<string | Uint8Array>;
  /** Reads all references, each distinct path once, in parallel. */
  read(references: readonly string[], options: ReadOptions): Promise<SecretValues>;
  /** Of the secret at one path those of these keys that it has. Comes before `read`. */
  readKeys(path: string, keys: readonly string[], options: ReadOptions): Promise<SecretValues>;
  /** The job's own token. */
  token(): Promise<Secret>;
  /** How token and secrets are kept valid, once they were read. */
  terms(): LoginTerms;
  /** The token belongs to the job's parent from now on, which renews it by these terms: disposing leaves it valid. */
  release(): void;
}

export interface ReadOptions {
  readonly continueOnWarnings: boolean;
  /** Called once with all that Vault gave, also where the whole then fails; not where it gave nothing. */
  readonly onRead?: (reads: readonly SecretRead[]) => Promise<void>;
}

/** Variable name to value. Values that are no strings are already JSON text. */
export type SecretValues = ReadonlyMap<string, Secret>;
