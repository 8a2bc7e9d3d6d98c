// The error classes of the whole program: refused, broken, job failed, fenced.

import type { FailureReason } from './state.js';

/** The request is refused: a 4xx. `code` is stable, `message` may be shown to the caller. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Stable codes of refusals; each door has one table from them to its own status and text. */
export type RefusalCode =
  | 'invalid_request'
  | 'content_refused'
  | 'body_too_large'
  | 'token_missing'
  | 'token_refused'
  | 'cubbyhole_unreadable'
  | 'not_found'
  | 'conflict'
  | 'name_taken'
  | 'key_reused'
  | 'key_in_flight'
  | 'queue_full'
  | 'owner_full'
  | 'waiting_full'
  | 'rate_limited'
  | 'overloaded'
  | 'upgrade_required'
  | 'connections_full'
  | 'forbidden'
  | 'draining';

/** stint or a part it needs failed: a 5xx. `code` names the part; `retryable` says that a later retry may help. */
export class BrokenError extends Error {
  override readonly name = 'BrokenError';
  readonly code: BreakdownCode;
  readonly retryable: boolean;

  constructor(code: BreakdownCode, message: string, options?: ErrorOptions & { retryable?: boolean }) {
    super(message, options);
    this.code = code;
    this.retryable = options?.retryable ?? true;
  }
}

/**
 * `engine_failed`: the engine answers, and failed at what one job needs; other jobs need not wait for that.
 * `vault_reply_lost`: Vault may have given what it gives only once, and nobody got it.
 */
export type BreakdownCode =
  | 'vault_unavailable'
  | 'vault_reply_lost'
  | 'engine_unavailable'
  | 'engine_failed'
  | 'database_unavailable'
  | 'internal';

/**
 * A step found that the job cannot succeed. It is not an error of stint: the executor turns it into the outcome `failed`.
 * `code` refines `reason` (`wrap_used`, `image_missing`, ...); `message` is shown to the owner, so it names paths,
 * variables and fixes, never a value.
 */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
  readonly reason: FailureReason;
  readonly code: string;
  /** True when an operator must be notified: a credential was stolen or forged. */
  readonly alarm: boolean;
  /** Known only where a container existed: 126 and 127 for a command that could not be started. */
  readonly exitCode: number | undefined;

  constructor(
    reason: FailureReason,
    code: string,
    message: string,
    options?: ErrorOptions & { alarm?: boolean; exitCode?: number },
  ) {
    super(message, options);
    this.reason = reason;
    this.code = code;
    this.alarm = options?.alarm ?? false;
    this.exitCode = options?.exitCode;
  }
}

/** Another node or an operator has taken over this job. Stop working on it without reporting a failure. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}
