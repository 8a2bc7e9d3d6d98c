// What the history says of a secret that a job was given: where it was, never what it was.

export interface SecretRead {
  /** As it was asked for, without slashes at its ends. */
  readonly path: string;
  /** Of the values that the job asked for. */
  readonly keys: readonly string[];
  /** Of version 2 of the KV engine; undefined elsewhere. */
  readonly version: number | undefined;
  /** SHA-256 of the id of its lease, in hex; undefined without one. */
  readonly leaseHash: string | undefined;
}
