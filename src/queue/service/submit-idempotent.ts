// Makes a submit with an `Idempotency-Key` run once, and answers repeats from the stored answer.
import { createHmac, hkdfSync, randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FencedError, RefusedError } from '../../job/errors.js';
import type { JobRequest } from '../../job/job.js';
import type { KeyAnswer, KeyClaim } from '../../store/jobs/idempotency.js';
import type { Store } from '../../store/store.js';
import type { SubmittedJob } from '../queue.js';
import { jsonPieces } from './json-pieces.js';

export interface IdempotencyParts {
  readonly store: Pick<Store, 'claimKey' | 'releaseKey'>;
  readonly sealKey: Buffer;
  /** How long a client may repeat a submit under its key. */
  readonly keyTtlMs: number;
}

/** Far longer than a submit takes: a process that has not answered by then is taken for dead. */
const staleMs = 60_000;

/**
 * Submits a request at most once under its key. A repeat gets the first answer, and nothing is read or spent for it.
 * `submitNew` must store the job together with the key's answer; when it throws, the key is released.
 */
export async function submitIdempotent(
  { store, sealKey, keyTtlMs }: IdempotencyParts,
  key: string,
  request: JobRequest,
  submitNew: (claim: KeyClaim) => Promise<SubmittedJob>,
): Promise<SubmittedJob> {
  const claim = { ownerKey: request.owner.key, key, claim: randomUUID() };
  const fingerprint = await fingerprintOf(sealKey, request);
  return releasing(store, claim, async () => {
    const found = await store.claimKey(claim, { fingerprint, ttlMs: keyTtlMs, staleMs });
    return found.kind === 'ours' ? submitNew(claim) : replay(found);
  });
}

/** Releases only our own claim of the key. While Postgres is unavailable it is not released and becomes stale. */
async function releasing<T>(
  store: IdempotencyParts['store'],
  claim: KeyClaim,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await store.releaseKey(claim).catch(() => undefined);
    throw error instanceof FencedError ? inFlight() : error;
  }
}

function replay(found: Exclude<KeyAnswer, { kind: 'ours' }>): SubmittedJob {
  switch (found.kind) {
    case 'answer':
      return { ...found.job, warnings: found.warnings, isReplay: true };
    case 'other_request':
      throw new RefusedError(
        'key_reused',
        'Expected `Idempotency-Key` to be a new one for a new request, got one that was used for another request.',
      );
    case 'in_flight':
      throw inFlight();
  }
}

function inFlight(): RefusedError {
  return new RefusedError(
    'key_in_flight',
    'Expected the first request with this `Idempotency-Key` to be answered, got it still in progress. Try again soon.',
  );
}

/**
 * Identifies equal requests. It is a keyed hash, since an unkeyed one could be used to test guesses at the secrets in it.
 * The hash key is derived from the seal key, so that all nodes agree.
 */
async function fingerprintOf(sealKey: Buffer, request: JobRequest): Promise<Uint8Array> {
  const { owner: _, ...asked } = request;
  const key = new Uint8Array(hkdfSync('sha256', sealKey, '', 'stint idempotency fingerprint', 32));
  const hash = createHmac('sha256', key);
  for (const piece of jsonPieces(asked)) {
    hash.update(piece);
    await nextTurn();
  }
  return hash.digest();
}
