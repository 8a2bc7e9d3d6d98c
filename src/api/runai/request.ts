// Checks the body of a Run:AI submit and turns it into a job request.

import { checkFields } from '../../job/check.js';
import { RefusedError } from '../../job/errors.js';
import type { JobLabel, JobRequest, SpecFields } from '../../job/job.js';
import { findForbiddenImage } from '../../job/options/image-policy.js';
import { findForbidden, type OptionsPolicy } from '../../job/options/policy.js';
import type { Owner } from '../../job/owner.js';
import { Secret } from '../../job/secret.js';
import type { AppParts } from '../parts.js';
import { parseJsonObject } from '../request/json.js';
import { isObject, readFields } from '../request/readers.js';
import { describe, joinProblems, quote } from '../request/sentence.js';
import { interactive } from './answer.js';
import { refused } from './errors.js';
import { fieldNames, toSpecFields } from './fields.js';
import { findProblems } from './rules.js';
import { newSweep, type SweepPlan } from './sweep.js';
import { withVariables } from './variables.js';
import { jobShape, type WireJob } from './wire.js';

/** What the operator says. */
type Settings = Pick<AppParts, 'runai' | 'policyFor'>;

/** What a request is beside its body. */
export interface Sender {
  readonly owner: Owner;
  /** Of the header `RA-USER`: whom lists name, and nothing more. */
  readonly requester: string | undefined;
}

/** The prefix of generated names where the job gives none. */
const usualPrefix = 'job';

/** Variables that every job gets; it may set them itself. */
const identityEnv = { JOB_NAME: 'name', JOB_UUID: 'id' } as const;

/** As Run:AI has it for trainings. */
const usualBackoffLimit = 6;

/** Objects down to the entries of lists in a job. */
const namesDepth = 4;

/** Throws `RefusedError`: `invalid_request` with all problems, or `forbidden`. */
export async function readJobRequest(body: Buffer, sender: Sender, settings: Settings): Promise<JobRequest> {
  const parsed = await parseJsonObject(body, 'the body', { namesDepth, isShort: true });
  if ('problem' in parsed) throw refused([parsed.problem]);
  return toJobRequest(readJob(parsed.object), sender, settings);
}

/** The job may be the body itself, told by its `image`. */
function readJob(body: Readonly<Record<string, unknown>>): WireJob {
  const { job = Object.hasOwn(body, 'image') ? body : undefined, template } = body;
  if (!isObject(job)) throw refused([`job must be an object, got ${describe(job)}.`]);
  const problems: string[] = [];
  const read = readFields({ template, ...job }, jobShape, { problems });
  if (problems.length > 0) throw refused(problems);
  return read;
}

function toJobRequest(job: WireJob, sender: Sender, settings: Settings): JobRequest {
  const queue = settings.runai.serialProjects ? (job.project ?? null) : null;
  const policy = settings.policyFor({ door: 'runai', queue });
  const fields = toSpecFields(job, policy);
  const problems = [...findProblems(job), ...checkFields(fields, fieldNames)];
  if (problems.length > 0) throw refused(problems);
  const forbidden = findAllForbidden(job, fields, { ...settings, policy });
  if (forbidden.length > 0) throw new RefusedError('forbidden', joinProblems(forbidden));
  const { wrap_secret_id: wrap } = job;
  return {
    door: 'runai',
    owner: sender.owner,
    wrappedSecretId: wrap === undefined ? undefined : new Secret(wrap),
    payload: { kind: 'none' },
    label: labelOf(job, sender),
    namePrefix: job.name === undefined ? (job.jobNamePrefix ?? usualPrefix) : undefined,
    unlistAfterMs: job.ttlAfterFinish,
    ...runsOf(job, fields, queue),
  };
}

/** One run, or a parent of several. Only a parent's runs may be repeated. */
function runsOf(job: WireJob, fields: SpecFields, queue: string | null) {
  const { completions = 1, parallelism = 1 } = job;
  const backoffLimit = backoffLimitOf(job);
  if (completions === 1 && backoffLimit === 0) {
    const env = withVariables(fields.env, { POD_INDEX: '0' });
    return { queue, fields: { ...fields, env }, identityEnv: { ...identityEnv, POD_UUID: 'run' } as const };
  }
  const plan: SweepPlan = { completions, parallelism, backoffLimit, queue };
  return {
    queue: null,
    fields,
    identityEnv,
    parent: { plan, progress: newSweep, childQueue: queue ?? undefined },
  };
}

/** A training is run again unless it says otherwise. */
function backoffLimitOf({ backoffLimit, interactive: isInteractive }: WireJob): number {
  return backoffLimit ?? (isInteractive === true ? 0 : usualBackoffLimit);
}

/** What the operator does not allow, and what is allowed nowhere. */
function findAllForbidden(
  { project = '', hostIpc }: WireJob,
  { image, options = {} }: SpecFields,
  { runai: { projects }, policy }: Settings & { policy: OptionsPolicy },
): string[] {
  const isProject = projects === undefined || projects.includes(project);
  return [
    ...(isProject ? [] : [`project must be one of ${projects.join(', ')}, got ${quote(project)}.`]),
    ...(hostIpc === true
      ? ['hostIpc is not allowed: no job is let into the IPC namespace of its node.']
      : []),
    ...findForbiddenImage(image, policy.images, 'image'),
    ...findForbidden(options, policy, fieldNames.optionNames),
  ];
}

function labelOf(job: WireJob, { requester }: Sender): JobLabel {
  const { project, name } = job;
  const kind = job.interactive === true ? interactive : undefined;
  return { project, requester, kind, name };
}
