// Stores the login of a parent's first child with the parent, for its other children.
import type { KeptSecrets } from '../../executor/secrets/shared-login.js';
import { FencedError } from '../../job/errors.js';
import type { ClaimKey } from '../../store/jobs/claim.js';
import type { Store } from '../../store/store.js';
import { sealWhole } from '../service/seal.js';
import { persist } from '../worker/fenced-recorder.js';
import { readParent, type ViewParts } from './view.js';

export interface KeepParts extends ViewParts {
  readonly store: ViewParts['store'] & Pick<Store, 'keepLogin'>;
}

export interface LoginToKeep {
  readonly kept: KeptSecrets;
  /** Undefined: it is not renewed with the parent. */
  readonly renewInMs: number | undefined;
}

/** Until it is stored. Throws `FencedError` when the child is no longer ours. */
export async function keepLogin(
  parts: KeepParts,
  parent: string,
  child: ClaimKey,
  login: LoginToKeep,
): Promise<void> {
  while (!(await keepOnce(parts, parent, child, login)));
}

/** False: something has happened to the parent since it was read. */
async function keepOnce(
  { store, sealKey }: KeepParts,
  parent: string,
  child: ClaimKey,
  { kept, renewInMs }: LoginToKeep,
): Promise<boolean> {
  const found = await persist(() => readParent({ store, sealKey }, parent, { everyone: true }));
  if (found === undefined) throw new FencedError('The parent of this job is gone.');
  if (found.failure !== undefined) throw found.failure;
  const { job, key, request } = found;
  if (request.kept !== undefined) return true; // Only the answer to an earlier try was lost.
  const { fields, plan, ciphertext, columns } = request;
  const context = { ...job, ownerKey: job.owner.key };
  const shared = { wrappedSecretId: undefined, ciphertext, fields, plan, kept, columns };
  const sealed = await sealWhole(sealKey, context, shared);
  return persist(() => store.keepLogin(child, { ...key, sealed, renewInMs }));
}
