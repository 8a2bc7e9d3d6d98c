// What Vault allows a caller to do with the jobs of others.

/** Vault's words for them. */
export type Right = 'create' | 'read' | 'update' | 'delete' | 'list';

/** Null stands for the jobs without a queue. */
export type QueueName = string | null;

/** What operators look after; `jobs` are all jobs of all queues. */
export type OperatorArea = 'jobs' | 'queues' | 'nodes' | 'reaper' | 'audit';

/**
 * The rights of one caller. Each method but `inLists` sends one request to Vault at most. All throw `BrokenError` when Vault
 * cannot answer: it never looks as if there were no right.
 */
export interface Rights {
  /** Those of the queues in which the caller has all that is needed; `all`: in every queue there is. */
  inQueues(needed: readonly Right[], queues: readonly QueueName[]): Promise<'all' | readonly QueueName[]>;
  /** Whose jobs lists show. The names of the queues are read, and asked for in a second request, only where it decides. */
  inLists(readNames: () => Promise<readonly string[]>): Promise<'all' | readonly QueueName[]>;
  asOperator(area: OperatorArea, right: Right): Promise<boolean>;
  /** False once something that was granted is granted no more. */
  stillHold(): Promise<boolean>;
}

/** Asks Vault what a token may do on each path. Throws `RefusedError` `token_refused`, or `BrokenError`. */
export type AskCapabilities = (
  token: string,
  paths: readonly string[],
) => Promise<ReadonlyMap<string, ReadonlySet<string>>>;
