// Who calls the API, who owns a job, and which jobs a caller may see.

import type { QueueName, Rights } from './rights/rights.js';

/** The holder of a token, as Vault reports it. */
export interface Caller {
  /** Vault's entity; empty for root tokens and for tokens created without a login. */
  readonly entityId: string;
  readonly accessor: string;
  readonly displayName: string;
  /** Vault grants them, not stint. They decide who is an operator. */
  readonly policies: readonly string[];
}

/** Who submitted a job: recorded with it. */
export interface Owner {
  /** `entity:<id>`, or `accessor:<accessor>` where Vault knows no entity. */
  readonly key: string;
  readonly displayName: string;
}

/** A person has one key for all tokens when Vault knows the entity, else one key per token. */
export function ownerOf(caller: Caller): Owner {
  const key = caller.entityId === '' ? `accessor:${caller.accessor}` : `entity:${caller.entityId}`;
  return { key, displayName: caller.displayName };
}

/** Whose jobs a caller may see and touch: `everyone` under `access=shared`, else the jobs of one owner. */
export type Reach = Scope & {
  /** What Vault may allow beyond that; undefined: nothing. `withRights` (src/queue/rights/) asks where it decides. */
  readonly rights?: Rights | undefined;
};

/** What a statement is limited to. */
type Scope =
  | { readonly everyone: true }
  | {
      readonly everyone: false;
      readonly ownerKey: string;
      /** The jobs of these queues as well, whoever they belong to. */
      readonly queues?: readonly QueueName[];
    };

/** For what must not meet the jobs of others, whatever the caller's rights. */
export function ownOnly(reach: Reach): Reach {
  return { ...reach, rights: undefined };
}

/**
 * Turns a token into a caller. Throws `RefusedError` `token_refused`, or `BrokenError` when Vault cannot answer. With
 * `mayRemember` a caller whom Vault accepted a short time ago is still known while Vault cannot answer. Too many tokens that Vault
 * refuses, from one `source` or in all, are refused as `rate_limited` without asking.
 */
export type IdentifyCaller = (token: string, mayRemember?: boolean, source?: string) => Promise<Caller>;
