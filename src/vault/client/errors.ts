// Classifies failed requests to Vault and turns them into errors with a reason and a remedy.

import { BrokenError, JobFailedError } from '../../job/errors.js';
import { type GoneVersion, goneVersionOf, looksVersioned } from './kv2-answer.js';
import { isFields, ShapeError } from './shape.js';
import { TransportError, type TransportFailure } from './transport.js';
import { type FailureHint, hintOf } from './words.js';

/** Classes of failed requests to Vault; the cases of one class are treated alike. */
export type FailureKind =
  | 'unreadable' //  What Vault was to be shown could not be read from its file.
  | 'unreachable' // Vault certainly never got the request.
  | 'lost' //        Vault may have carried the request out; the answer did not arrive.
  | 'malformed' //   The answer does not follow Vault's API, or is far too long.
  | 'sealed'
  | 'standby' //     Not the active node, and it does not forward.
  | 'busy' //        429 or 412: refused for now, before anything was done.
  | 'redirected' //  Never followed: the token would be sent along.
  | 'broken' //      Any other 5xx; Vault may have carried the request out.
  | 'denied' //      403.
  | 'missing' //     404.
  | 'invalid'; //    Any other 4xx.

interface FailureFacts {
  readonly status?: number | undefined;
  readonly hint?: FailureHint | undefined;
  readonly code?: string | undefined;
  readonly gone?: GoneVersion | undefined;
}

/**
 * A request to Vault that failed. It stays inside this folder, or becomes the `cause` of one of our errors. It holds
 * nothing that was sent, and no text of Vault or of a library.
 */
export class VaultFailure extends Error {
  override readonly name = 'VaultFailure';
  readonly kind: FailureKind;
  /** The HTTP status; undefined without an answer. */
  readonly status: number | undefined;
  readonly hint: FailureHint | undefined;
  /** A system code such as `ECONNREFUSED`, `timeout`, or `too_large`: the answer was longer than we take. */
  readonly code: string | undefined;
  /** What was asked for is a version of a KV 2 secret whose data is gone. */
  readonly gone: GoneVersion | undefined;

  constructor(kind: FailureKind, facts: FailureFacts = {}) {
    super(`Vault ${whyOf(kind, facts)}.`);
    this.kind = kind;
    this.status = facts.status;
    this.hint = facts.hint;
    this.code = facts.code;
    this.gone = facts.gone;
  }

  /** Vault, or something between it and us, failed: there is no answer to the request. */
  get isUnavailable(): boolean {
    return !['denied', 'missing', 'invalid'].includes(this.kind);
  }

  /** The failure may be over in a moment, so that a retry makes sense. */
  get mayRecover(): boolean {
    return this.isUnavailable && this.kind !== 'malformed' && this.kind !== 'redirected';
  }

  /** Vault may have carried out the request, so a one-shot credential may be spent. */
  get mayBeDone(): boolean {
    return ['lost', 'malformed', 'broken'].includes(this.kind);
  }
}

/** Turns whatever a request threw into a `VaultFailure`. Anything unknown is a bug and is thrown again. */
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

function ofTransport({ kind, sent, code }: TransportError): VaultFailure {
  return new VaultFailure(sent ? failureKindOf[kind] : 'unreachable', {
    code: code ?? (kind === 'timeout' || kind === 'too_large' ? kind : undefined),
  });
}

function ofAnswer(status: number, body: unknown): VaultFailure {
  const hint = findHint(status, body);
  return new VaultFailure(kindOfStatus(status, hint), { status, hint, gone: findGone(status, body) });
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

function findHint(status: number, body: unknown): FailureHint | undefined {
  const errors = isFields(body) && Array.isArray(body.errors) ? body.errors : [];
  return hintOf(
    status,
    errors.filter((text): text is string => typeof text === 'string'),
  );
}

/** Only version 2 of the KV engine answers 404 with something in it: the metadata without the data. */
function findGone(status: number, body: unknown): GoneVersion | undefined {
  const data = isFields(body) ? body.data : undefined;
  if (status !== 404 || !looksVersioned(data) || data.data !== null) return undefined;
  return goneVersionOf(data.metadata);
}

/** Vault is unavailable. `action` completes "Could not …". */
export function vaultUnavailable(action: string, failure: VaultFailure): BrokenError {
  const text = `Could not ${action}: Vault ${whyOf(failure.kind, failure)}. ${remedies[failure.kind]}`;
  return new BrokenError('vault_unavailable', text, { cause: failure, retryable: true });
}

/** The same after the credentials were spent, when the job can no longer wait for Vault. */
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
 * Vault may have carried out what can be done only once, and its answer is lost. Never repeated: a second try would look
 * like theft. It may be a theft: when two open one wrapping token at the same moment, Vault 1.13 answers the slower
 * one with 500.
 */
export function vaultReplyLost(action: string, failure: VaultFailure): JobFailedError {
  return new JobFailedError(
    'infrastructure',
    'vault_reply_lost',
    `Could not ${action}: Vault ${whyOf(failure.kind, failure)}, and it may have done so nevertheless. ` +
      "The job's one-shot credentials count as spent: submit it again with new ones.",
    { cause: failure, alarm: true },
  );
}

function whyOf(kind: FailureKind, facts: { status?: number | undefined; code?: string | undefined }): string {
  const fact = facts.code ?? (facts.status === undefined ? undefined : `status ${facts.status}`);
  return fact === undefined ? reasons[kind] : `${reasons[kind]} (${fact})`;
}

const reasons: Record<FailureKind, string> = {
  unreadable: 'was not asked: the file with the login cannot be used',
  unreachable: 'cannot be reached',
  lost: 'did not answer',
  malformed: 'gave an answer that cannot be understood',
  sealed: 'is sealed',
  standby: 'is a standby that does not forward requests',
  busy: 'accepts no more requests for now',
  redirected: 'answered with a redirect, which is never followed',
  broken: 'failed',
  denied: 'refused',
  missing: 'does not know the path',
  invalid: 'did not accept the request',
};

const checkAddress = 'Check VAULT_ADDR, the network and the certificate (VAULT_CACERT).';

const remedies: Record<FailureKind, string> = {
  unreadable: 'Put the file in its place.',
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
