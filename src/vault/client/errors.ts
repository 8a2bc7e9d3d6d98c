import { BrokenError, JobFailedError } from '../../job/errors.js';
import { isFields, ShapeError } from './shape.js';
import { TransportError, type TransportFailure } from './transport.js';

/** What went wrong with a request to Vault, as a class of cases that are treated alike. */
export type FailureKind =
  | 'unreachable' // It certainly never got the request.
  | 'lost' //        It may have carried the request out; the answer did not arrive.
  | 'malformed' //   It answered something that its API does not know, or far too much.
  | 'sealed'
  | 'standby' //     Not the active node, and it does not forward.
  | 'busy' //        429 or 412: refused for now, before anything was done.
  | 'redirected' //  Never followed: the token would travel along.
  | 'broken' //      Any other 5xx; it may have carried the request out.
  | 'denied' //      403.
  | 'missing' //     404.
  | 'invalid'; //    Any other 4xx.

/** What Vault's own words add to the status. They are matched here and nowhere else. */
export type FailureHint =
  | 'wrap_gone'
  | 'token_gone'
  | 'accessor_gone'
  | 'login_refused'
  | 'ciphertext_refused'
  | 'no_mount'
  | 'kv2_path'
  | 'version_deleted'
  | 'sealed'
  | 'standby';

/**
 * A request to Vault that failed. It stays inside this folder, or becomes the `cause` of one of our errors; it holds
 * neither what was sent nor a text of Vault's or of a library.
 */
export class VaultFailure extends Error {
  override readonly name = 'VaultFailure';
  readonly kind: FailureKind;
  /** The HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;
  readonly hint: FailureHint | undefined;
  /** A system code such as `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(
    kind: FailureKind,
    facts: { status?: number | undefined; hint?: FailureHint | undefined; code?: string | undefined } = {},
  ) {
    super(`Vault ${whyOf(kind, facts)}.`);
    this.kind = kind;
    this.status = facts.status;
    this.hint = facts.hint;
    this.code = facts.code;
  }

  /** Vault is in trouble, or something between us: no answer about what was asked. */
  get isAway(): boolean {
    return !['denied', 'missing', 'invalid'].includes(this.kind);
  }

  /** The trouble may be over in a moment, so that asking again makes sense. */
  get isPassing(): boolean {
    return this.isAway && this.kind !== 'malformed' && this.kind !== 'redirected';
  }

  /** Vault may have done what was asked, so a one-shot credential may be gone. */
  get mayBeDone(): boolean {
    return ['lost', 'malformed', 'broken'].includes(this.kind);
  }
}

/** The one border: whatever a request threw, as a `VaultFailure`. What is none of ours, a bug, is thrown on. */
export function toVaultFailure(error: unknown): VaultFailure {
  if (error instanceof VaultFailure) return error;
  if (error instanceof TransportError) return ofTransport(error);
  if (error instanceof ShapeError) return new VaultFailure('malformed');
  const response = isFields(error) ? error.response : undefined;
  if (isFields(response) && typeof response.statusCode === 'number') {
    return ofAnswer(response.statusCode, response.body);
  }
  throw error;
}

const failureKindOf: Record<TransportFailure, FailureKind> = {
  unreachable: 'unreachable',
  timeout: 'lost',
  cut: 'lost',
  too_large: 'malformed',
  not_json: 'malformed',
};

function ofTransport({ trouble, sent, code }: TransportError): VaultFailure {
  return new VaultFailure(sent ? failureKindOf[trouble] : 'unreachable', {
    code: code ?? (trouble === 'timeout' ? 'timeout' : undefined),
  });
}

function ofAnswer(status: number, body: unknown): VaultFailure {
  const hint = findHint(status, body);
  return new VaultFailure(kindOfStatus(status, hint), { status, hint });
}

function kindOfStatus(status: number, hint: FailureHint | undefined): FailureKind {
  if (hint === 'sealed' || hint === 'standby') return hint;
  if (hint === 'token_gone') return 'denied';
  if (hint === 'login_refused' || hint === 'accessor_gone') return 'invalid';
  if (status === 403) return 'denied';
  if (status === 404) return 'missing';
  if (status === 412 || status === 429) return 'busy';
  if (status === 472 || status === 473) return 'standby';
  if (status < 300) return 'malformed';
  if (status < 400) return 'redirected';
  return status < 500 ? 'invalid' : 'broken';
}

/**
 * Real texts of Vault 1.13 and of later ones, by the status they come with; the first match counts. Some refusals come
 * with 500, and a token that is gone is told from a missing right by the words alone: that one comes as a list.
 */
const hints: readonly (readonly [statuses: readonly number[], text: RegExp, hint: FailureHint])[] = [
  [[503], /\bis sealed\b/i, 'sealed'], //                                      "Vault is sealed"
  [[500, 503], /local node not active|in standby mode/i, 'standby'], //        "local node not active but active cluster node not found"
  [[400, 403, 404], /wrapping token is not valid/i, 'wrap_gone'], //           "wrapping token is not valid or does not exist"
  [[400, 403, 404], /invalid accessor/i, 'accessor_gone'], //                  "invalid accessor", of a token
  [[400, 404, 500], /failed to find accessor entry/i, 'accessor_gone'], //     the same of a SecretID
  [[403, 500], /namespace from the token/i, 'token_gone'], //                  "failed to look up namespace from the token: no namespace"
  [[400, 403], /\b(?:bad|invalid) token\b/i, 'token_gone'], //                 "2 errors occurred: * permission denied * invalid token"
  [[403], /^permission denied$/i, 'token_gone'], //                            a missing right says "1 error occurred: * permission denied"
  [[400, 403, 500], /^(?:invalid|failed to validate) (?:role or )?(?:secret|role)[ _]?id/i, 'login_refused'], // "invalid secret id"
  [[404], /no handler for route|route entry not found/i, 'no_mount'],
  [[403, 404], /invalid path for a versioned k\/v/i, 'kv2_path'],
  [[400], /ciphertext|message authentication|encryption key/i, 'ciphertext_refused'],
];

function findHint(status: number, body: unknown): FailureHint | undefined {
  if (!isFields(body)) return undefined;
  if (status === 404 && isDeletedVersion(body.data)) return 'version_deleted';
  const texts = [body.errors, body.warnings].flat().filter((text) => typeof text === 'string');
  const matches = (pattern: RegExp) => texts.some((text) => pattern.test(text));
  return hints.find(([statuses, text]) => statuses.includes(status) && matches(text))?.[2];
}

/** A deleted version of a KV 2 secret answers 404 with its metadata and without its data. */
export function isDeletedVersion(data: unknown): boolean {
  return isFields(data) && data.data === null && isFields(data.metadata);
}

/** Vault is in trouble. `action` completes "Could not …". Not retryable where something one-shot may be spent. */
export function vaultUnavailable(action: string, failure: VaultFailure): BrokenError {
  const text = `Could not ${action}: Vault ${whyOf(failure.kind, failure)}. ${remedies[failure.kind]}`;
  return new BrokenError('vault_unavailable', text, { cause: failure, retryable: true });
}

/** The same after the point of no return, where the job can no longer wait for Vault. */
export function jobLostVault(action: string, failure: VaultFailure): JobFailedError {
  const { message } = vaultUnavailable(action, failure);
  return new JobFailedError(
    'infrastructure',
    'vault_unavailable',
    `${message} The job's one-shot credentials are spent: submit it again with new ones.`,
    { cause: failure },
  );
}

/**
 * Vault may have carried out what can be done only once, and its answer is gone. Never repeated: it would look like
 * theft. It may be theft, too: to the slower of two that open one wrap in the same moment Vault 1.13 says 500.
 */
export function vaultReplyLost(action: string, failure: VaultFailure): JobFailedError {
  return new JobFailedError(
    'infrastructure',
    'vault_reply_lost',
    `Could not ${action}: Vault ${whyOf(failure.kind, failure)}, and it may have done so all the same. ` +
      "The job's one-shot credentials count as spent: submit it again with new ones.",
    { cause: failure, alarm: true },
  );
}

function whyOf(kind: FailureKind, facts: { status?: number | undefined; code?: string | undefined }): string {
  const fact = facts.code ?? (facts.status === undefined ? undefined : `status ${facts.status}`);
  return fact === undefined ? reasons[kind] : `${reasons[kind]} (${fact})`;
}

const reasons: Record<FailureKind, string> = {
  unreachable: 'cannot be reached',
  lost: 'did not answer',
  malformed: 'gave an answer that is not to be understood',
  sealed: 'is sealed',
  standby: 'is a standby that does not forward requests',
  busy: 'takes no more requests for now',
  redirected: 'answered with a redirect, which is never followed',
  broken: 'failed',
  denied: 'refused',
  missing: 'does not know the path',
  invalid: 'did not accept the request',
};

const checkAddress = 'Check VAULT_ADDR, the network and the certificate (VAULT_CACERT).';

const remedies: Record<FailureKind, string> = {
  unreachable: checkAddress,
  lost: checkAddress,
  malformed: 'Check that VAULT_ADDR is the address of a Vault.',
  sealed: 'Unseal it.',
  standby: 'Let VAULT_ADDR name the active node, or a load balancer that finds it.',
  busy: 'Look at its rate limit quotas.',
  redirected: 'Let VAULT_ADDR name the active node, or a load balancer that finds it.',
  broken: "Look into Vault's log.",
  denied: 'Check the policy, and VAULT_NAMESPACE.',
  missing: 'Check the mounts, and VAULT_NAMESPACE.',
  invalid: 'Check the mounts, and VAULT_NAMESPACE.',
};
