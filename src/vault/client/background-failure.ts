/** Something that went wrong where nobody waits for an answer. For the log and the metrics; holds no secret. */
export interface BackgroundFailure {
  readonly code:
    | 'token_not_revoked' //      It lives until its time ends, or until somebody revokes it by its accessor.
    | 'token_not_renewed' //      It ends before its job may.
    | 'lease_not_renewed' //      The same for a secret that was leased.
    | 'secret_id_not_destroyed'
    | 'server_login_failed';
  readonly message: string;
  /** Of the token it is about, where there is one. An accessor is no secret, but with rights it can revoke. */
  readonly accessor?: string;
}

export type OnFailure = (trouble: BackgroundFailure) => void;
