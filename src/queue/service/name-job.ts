// Gives a submitted job its id and its name, tells it both in its environment, and stores it.
import { randomUUID } from 'node:crypto';
import type { OpenedRequest } from '../../executor/run.js';
import { RefusedError } from '../../job/errors.js';
import { newJobId } from '../../job/id.js';
import type { JobRequest } from '../../job/job.js';
import { generatedName } from '../../job/naming/generated-name.js';
import { withIdentity } from '../../job/naming/identity-env.js';
import type { Store } from '../../store/store.js';
import { type StoreParts, storeJob, type UnsealedJob } from './store-job.js';

export interface NamingParts extends StoreParts {
  readonly store: StoreParts['store'] & Pick<Store, 'drawNameNumber' | 'unlistExpired'>;
}

export type NamelessJob = Omit<UnsealedJob, 'id'>;
/** What a request says of names. */
export type Naming = Pick<JobRequest, 'namePrefix' | 'identityEnv'>;

/** Numbers in use are those that somebody chose as a name: a row of so many is no accident. */
const mostNames = 100;

/**
 * Stores the job, under a name of its own where there is a prefix for one: the unique index of names decides, and the next
 * number is tried. Throws `RefusedError` `name_taken`, and what `storeJob` throws.
 */
export async function nameAndStoreJob(
  parts: NamingParts,
  job: NamelessJob,
  request: OpenedRequest,
  naming: Naming,
): ReturnType<typeof storeJob> {
  for (let tries = 1; ; tries++) {
    const named = { ...job, id: newJobId(), label: await labelOf(parts, job, naming) };
    try {
      return await storeJob(parts, named, withOwnFacts(request, named, naming));
    } catch (error) {
      if (tries >= mostNames || !(await mayTryAgain(parts, named, naming, error))) throw error;
    }
  }
}

async function labelOf(
  { store }: NamingParts,
  { label }: NamelessJob,
  { namePrefix }: Naming,
): Promise<NamelessJob['label']> {
  if (namePrefix === undefined) return label;
  return { ...label, name: generatedName(namePrefix, await store.drawNameNumber()) };
}

/** After a name that was taken: with the next number, or once the job that has it is no longer listed. */
async function mayTryAgain(
  { store }: NamingParts,
  { door, owner, label }: NamelessJob,
  { namePrefix }: Naming,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof RefusedError) || error.code !== 'name_taken') return false;
  if (namePrefix !== undefined) return true;
  const named = { door, project: label?.project, name: label?.name ?? '' };
  return store.unlistExpired(owner.key, named, owner.key);
}

function withOwnFacts(
  request: OpenedRequest,
  { id, label }: UnsealedJob,
  { identityEnv }: Naming,
): OpenedRequest {
  if (identityEnv === undefined) return request;
  const env = withIdentity(request.fields.env, identityEnv, { id, name: label?.name, run: randomUUID() });
  return { ...request, fields: { ...request.fields, env } };
}
