// Checks the body of a new job and turns it into a job request.

import { checkFields } from '../../job/check.js';
import { RefusedError } from '../../job/errors.js';
import type { JobRequest, SpecFields } from '../../job/job.js';
import { findForbidden } from '../../job/options/policy.js';
import type { Place } from '../../job/options/rules.js';
import type { Owner } from '../../job/owner.js';
import { Secret } from '../../job/secret.js';
import type { AppParts } from '../parts.js';
import { readFields } from '../request/readers.js';
import { joinProblems } from '../request/sentence.js';
import { refused } from './errors.js';
import { jobNameOf } from './names.js';
import type { Plan, Progress } from './pipeline/model.js';
import { workerOptions } from './pipeline/workers/worker.js';
import { findMissing, findProblems, jobShape, type WireJob } from './wire.js';

/** The kind of a job's label: it has workers, which are jobs of this door too. */
export const pipelineKind = 'pipeline';

/** Workers are in no queue, as their job is. */
export const workersPlace: Place = { door: 'lopco', queue: null };

/** Throws `RefusedError`: `invalid_request` with all problems, or `forbidden`. */
export function toJobRequest(
  body: Readonly<Record<string, unknown>>,
  owner: Owner,
  settings: Pick<AppParts, 'lopco' | 'policyFor'>,
): JobRequest {
  const problems: string[] = [];
  const job = readFields(body, jobShape, { problems });
  const { machine_id: machineId = job.ds_id, hash, file_name: file } = job;
  const fields = secretFields(job);
  problems.push(...findMissing(job, body), ...findProblems(job), ...checkFields(fields, fieldNames));
  if (problems.length > 0 || machineId === undefined || hash === undefined || file === undefined)
    throw refused(problems);
  refuseForbidden(settings);
  const { wrap_secret_id: wrap } = job;
  const plan: Plan = { sharesLogin: wrap !== undefined };
  const progress: Progress = { machineId, fileName: file, done: [] };
  return {
    ...workersPlace,
    owner,
    wrappedSecretId: wrap === undefined ? undefined : new Secret(wrap),
    payload: { kind: 'none' },
    fields,
    label: { name: jobNameOf(machineId, hash), kind: pipelineKind },
    unlistAfterMs: 0, // Its name is free again as soon as it has ended.
    parent: { plan, progress },
  };
}

/** Of all workers. */
function secretFields({
  secret_refs: refs,
  secret_file_type: type,
  cont_on_warnings: goesOn,
  registry_ref: registryRef,
}: WireJob): SpecFields {
  return {
    ...(refs !== undefined && { secretRefs: refs }),
    ...(type !== undefined && { secretFileType: type }),
    ...(goesOn !== undefined && { continueOnWarnings: goesOn }),
    ...(registryRef !== undefined && { registryRef }),
  };
}

const fieldNames = { secretRefs: 'secret_refs', registryRef: 'registry_ref' } as const;

/** What workers get must be allowed by the operator, and the server must be within their reach. */
function refuseForbidden({ lopco, policyFor }: Pick<AppParts, 'lopco' | 'policyFor'>): void {
  const unreachable =
    lopco.callbackUrl === undefined
      ? [
          'Workers cannot call back: set STINT_LOPCO_CALLBACK_URL to the address they reach this server at, such as `http://stint:3232`.',
        ]
      : [];
  const forbidden = [
    ...unreachable,
    ...findForbidden(workerOptions('/data_cache', lopco), policyFor(workersPlace), optionNames),
  ];
  if (forbidden.length > 0) throw new RefusedError('forbidden', joinProblems(forbidden));
}

/** The clients say none of it: the settings do. */
const optionNames = {
  user: 'worker.image',
  network: 'STINT_LOPCO_NETWORK',
  mounts: 'STINT_LOPCO_CACHE_VOLUME',
  cpus: 'STINT_LOPCO_CPUS',
  memoryBytes: 'STINT_LOPCO_MEMORY',
} as const;
