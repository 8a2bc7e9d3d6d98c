/** Who is calling, as Vault says. */
export interface Caller {
  /** Vault's entity; empty for root tokens and for tokens made without a login. */
  readonly entityId: string;
  readonly accessor: string;
  readonly displayName: string;
  /** Kept for finer rights: Vault decides them, not stint. */
  readonly policies: readonly string[];
}

/** Who submitted a job: recorded with it. */
export interface Owner {
  /** `entity:<id>`, or `accessor:<accessor>` where Vault knows no entity. */
  readonly key: string;
  readonly displayName: string;
}

/** The same person has one key over all tokens when Vault knows the entity, else one key per token. */
export function ownerOf(caller: Caller): Owner {
  const key = caller.entityId === '' ? `accessor:${caller.accessor}` : `entity:${caller.entityId}`;
  return { key, displayName: caller.displayName };
}

/** Whose jobs a caller may see and touch: `everyone` under `access=shared`, else the jobs of one owner. */
export type Reach = { readonly everyone: true } | { readonly everyone: false; readonly ownerKey: string };

/** Turns a token into a caller. Throws `RefusedError` `token_refused`, or `BrokenError` when Vault cannot answer. */
export type IdentifyCaller = (token: string) => Promise<Caller>;
