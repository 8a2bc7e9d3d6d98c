// Reads the payload of a request, and raises an alarm where nobody knows who read it.
import type { Secrets } from '../../executor/secrets.js';
import { BrokenError } from '../../job/errors.js';
import type { Ciphertext, JobRequest } from '../../job/job.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../maintenance/alarms.js';

export interface PayloadParts {
  readonly store: Pick<Store, 'recordSubmitAlarm'>;
  readonly secrets: Pick<Secrets, 'readCubbyhole'>;
  readonly alarms?: Pick<Alarms, 'raise'> | undefined;
}

export async function readCiphertext(
  parts: PayloadParts,
  request: JobRequest,
): Promise<Ciphertext | undefined> {
  switch (request.payload.kind) {
    case 'none':
      return undefined;
    case 'ciphertext':
      return request.payload.ciphertext;
    case 'cubbyhole':
      try {
        return await parts.secrets.readCubbyhole(request.payload);
      } catch (error) {
        if (error instanceof BrokenError && error.code === 'vault_reply_lost')
          await raise(parts, request, error);
        throw error;
      }
  }
}

/** There is no job that could show it. While Postgres is unavailable only log and metrics do. */
async function raise(
  { store, alarms }: PayloadParts,
  { queue, door, owner }: JobRequest,
  { code, message }: BrokenError,
): Promise<void> {
  alarms?.raise({ code, message });
  await store.recordSubmitAlarm({ queue, door, actor: owner.key, code }).catch(() => undefined);
}
