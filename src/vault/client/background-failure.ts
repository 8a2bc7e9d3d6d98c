// Failures of work with Vault that runs in the background: their codes and the callback that gets them.

/** A failure that no caller waits for. For the log and the metrics; it holds no secret. */
export interface BackgroundFailure {
  readonly code:
    | 'token_not_revoked' //      It is valid until it expires, or until it is revoked by its accessor.
    | 'token_not_renewed' //      It may end before its job does.
    | 'lease_not_renewed' //      The same for a leased secret.
    | 'secret_id_not_destroyed'
    | 'server_login_failed'
    | 'database_login_failed'; // The last login at Postgres is used until it ends.
  readonly message: string;
  /** Accessor of the token concerned, if any. An accessor is no secret, but with the right policy it can revoke. */
  readonly accessor?: string;
}

export type OnFailure = (failure: BackgroundFailure) => void;
