// Seals a request and stores it with its job, again and again while Postgres is unavailable for a moment.
import { randomUUID } from 'node:crypto';
import type { OpenedRequest } from '../../executor/run.js';
import { BrokenError } from '../../job/errors.js';
import { failpoint } from '../../job/failpoint.js';
import type { Job } from '../../job/job.js';
import type { NewJob } from '../../store/jobs/submit.js';
import { sealedPartBytes } from '../../store/requests/parts.js';
import type { Store } from '../../store/store.js';
import { sealColumns } from '../audit/columns.js';
import { sealRequest } from './seal.js';

export interface StoreParts {
  readonly store: Pick<Store, 'insertJob' | 'findJob' | 'storeSealedPart'>;
  readonly sealKey: Buffer;
}

export type UnsealedJob = Omit<NewJob, 'sealed' | 'uploaded'>;

type Stored = { readonly job: Job; readonly ready: boolean };

/** How long a submit waits for Postgres once its payload is spent. */
const retryForMs = 10_000;
const retryMs = 200;

/** A lost reply must not lose a job whose payload is spent: the insert is repeated; the id shows whether it was stored. */
export async function storeJob(parts: StoreParts, job: UnsealedJob, request: OpenedRequest): Promise<Stored> {
  const { store } = parts;
  const deadline = performance.now() + retryForMs;
  for (let isRepeat = false; ; isRepeat = true) {
    try {
      return await storeOnce(parts, job, request);
    } catch (error) {
      const stored = isRepeat
        ? await store.findJob(job.id, { everyone: true }).catch(() => undefined)
        : undefined;
      if (stored !== undefined) return { job: stored.job, ready: true };
      const mayRepeat = error instanceof BrokenError && error.retryable && performance.now() < deadline;
      if (!mayRepeat) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

async function storeOnce(parts: StoreParts, job: UnsealedJob, request: OpenedRequest): Promise<Stored> {
  const { id, door, queue, owner } = job;
  const context = { id, door, queue, ownerKey: owner.key };
  const sealed = await upload(
    parts.store,
    sealRequest(parts.sealKey, context, { ...request, columns: columnsOf(job) }),
  );
  await failpoint('after-upload');
  return await parts.store.insertJob({ ...job, ...sealed });
}

function columnsOf({ owner, label, options, child, image }: UnsealedJob) {
  const family = { parent: child?.step.id, slot: child?.slot };
  return sealColumns({ ownerName: owner.displayName, label, options, ...family }, image);
}

/** A request that fits into the statement of the job is not uploaded. */
async function upload(
  store: StoreParts['store'],
  sealing: AsyncGenerator<Uint8Array, Uint8Array>,
): Promise<Pick<NewJob, 'sealed' | 'uploaded'>> {
  const id = randomUUID();
  let parts = 0;
  let gathered: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await sealing.next();
    if (size > 0 && (done === true ? parts > 0 : size + value.length > sealedPartBytes)) {
      await store.storeSealedPart({ upload: id, part: parts++, sealed: Buffer.concat(gathered) });
      gathered = [];
      size = 0;
    }
    if (done === true) return { sealed: Buffer.concat([value, ...gathered]), uploaded: { id, parts } };
    gathered.push(value);
    size += value.length;
  }
}
