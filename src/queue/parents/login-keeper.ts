// Renews the logins that parents keep for their children, until the parents have ended.
import type { Secrets } from '../../executor/secrets.js';
import { BrokenError } from '../../job/errors.js';
import type { RenewalClaim } from '../../store/parents/renewals.js';
import type { Store } from '../../store/store.js';
import { runPeriodically } from '../maintenance/periodic.js';
import type { WorkerLog } from '../worker/worker-log.js';
import { readParent, type ViewParts } from './view.js';

export interface LoginKeeperParts extends ViewParts {
  readonly store: ViewParts['store'] & Pick<Store, 'claimRenewals' | 'finishRenewal'>;
  readonly secrets: Pick<Secrets, 'renew'>;
  readonly log: WorkerLog;
}

const intervalMs = 1_000;
/** Asked of Vault at once. */
const mostAtOnce = 20;
/** A renewal that failed, or whose node died, is tried again after this time, by any node. */
const retryMs = 5_000;

/** Every node does the same: each renewal is taken by one of them. */
export function keepLogins(parts: LoginKeeperParts): AsyncDisposable {
  const onError = (error: unknown) => logFailure(parts, {}, error);
  return runPeriodically({ firstMs: 0, intervalMs, round: () => renewDue(parts), onError });
}

/** Takes what is due now, and renews it. */
export async function renewDue(parts: LoginKeeperParts): Promise<void> {
  const claims = await parts.store.claimRenewals(mostAtOnce, retryMs);
  await Promise.all(
    claims.map((claim) =>
      renewOne(parts, claim).catch((error: unknown) => logFailure(parts, { jobId: claim.id }, error)),
    ),
  );
}

/** What was read before may have ended meanwhile: then Vault refuses, or a token that is being revoked lives no longer for it. */
async function renewOne(parts: LoginKeeperParts, claim: RenewalClaim): Promise<void> {
  const { store, secrets, sealKey } = parts;
  const parent = await readParent({ store, sealKey }, claim.id, { everyone: true });
  const { kept } = parent?.request ?? {};
  const accessor = parent?.tokenAccessor;
  if (kept?.leases === undefined || accessor === undefined || accessor === null)
    return await store.finishRenewal(claim, null);
  const { renewInMs } = await secrets.renew({ token: kept.token, accessor, leases: kept.leases });
  await store.finishRenewal(claim, renewInMs ?? null);
}

function logFailure({ log }: LoginKeeperParts, facts: object, error: unknown): void {
  if (error instanceof BrokenError && error.retryable) return; // An outage, which others report.
  log.error('the login that runs share could not be renewed; trying again', { ...facts, error });
}
