// Checks a task as it was sent, and turns it into a job request.

import { checkFields } from '../../../job/check.js';
import { RefusedError } from '../../../job/errors.js';
import type { JobRequest, SpecFields } from '../../../job/job.js';
import { findForbiddenImage } from '../../../job/options/image-policy.js';
import type { OptionNames } from '../../../job/options/option-names.js';
import type { ContainerOptions } from '../../../job/options/options.js';
import { findForbidden, type OptionsPolicy } from '../../../job/options/policy.js';
import type { Owner } from '../../../job/owner.js';
import type { JobProxyOptions } from '../options.js';
import { hasCommand, readCommand } from './command.js';
import { readLimits } from './limits.js';
import { readMounts, readPorts } from './ports-and-mounts.js';
import { Problems } from './problems.js';
import { readSecretFields, readWrappingToken } from './secrets.js';
import { readTargets } from './targets.js';
import { type Fields, isGiven, isObject, readNeededText } from './values.js';

/** All fields of a task that are read, for docs/jobproxy.md. Others are ignored, as JobProxy ignores them. */
export const taskFields = [
  'user',
  'cores',
  'memory',
  'cputime',
  'stdout',
  'stderr',
  'cmd',
  'container.image',
  'container.cmd',
  'container.ports',
  'container.mounts',
  'wrap_secret_id',
  'secret_refs',
  'secret_file_type',
  'cont_on_warnings',
  'registry_ref',
] as const;

/**
 * Turns a task into a job request. It checks everything that needs no other part and reports all problems at once, while
 * the client's wrapping token is still unspent.
 *
 * Throws `RefusedError` `invalid_request`; each line of its text is one problem.
 */
export function toJobRequest(task: Fields, owner: Owner, options: JobProxyOptions): JobRequest {
  const problems = new Problems();
  refuseEnvelope(task);
  const requester = readUser(task.user, problems);
  const fields = readFields(task, options, problems);
  const wrap = readWrappingToken(task, problems);
  if (!problems.isEmpty) throw new RefusedError('invalid_request', problems.text);
  return {
    door: 'jobproxy',
    queue: options.queue,
    owner,
    label: { requester },
    wrappedSecretId: wrap,
    payload: { kind: 'none' },
    fields,
  };
}

const optionNames: OptionNames = {
  ports: 'container.ports',
  mounts: 'container.mounts',
  cpus: 'cores',
  memoryBytes: 'memory',
  cpuTimeMs: 'cputime',
};

/** Throws `RefusedError` `forbidden` for what the operator does not let jobs ask for: a line each. */
export function refuseForbidden({ fields }: JobRequest, policy: OptionsPolicy): void {
  const problems = new Problems();
  const forbidden = [
    ...findForbiddenImage(fields.image, policy.images, 'container.image'),
    ...findForbidden(fields.options ?? {}, policy, optionNames),
  ];
  for (const problem of forbidden) problems.add(problem);
  if (!problems.isEmpty) throw new RefusedError('forbidden', problems.text);
}

/** Some encoders write the name of the root around the task. */
function refuseEnvelope(task: Fields): void {
  if (Object.keys(task).length !== 1 || !isObject(task.task)) return;
  throw new RefusedError(
    'invalid_request',
    'Expected the body to be the object of a task, got it within `task`.',
  );
}

const longestUser = 255;

function readUser(value: unknown, problems: Problems): string | undefined {
  const user = readNeededText(value, { field: 'user', problems });
  if (user === undefined) return undefined;
  if (user.length > longestUser)
    problems.add(`user: expected at most ${longestUser} characters, got ${user.length}`);
  else if (/[\p{Cc}\u2028\u2029]/u.test(user)) problems.add('user: expected no control characters, got one');
  return user;
}

function readFields(task: Fields, options: JobProxyOptions, problems: Problems): SpecFields {
  const container = readContainer(task, problems);
  const isInner = hasCommand(container?.cmd);
  const commandName = isInner ? 'container.cmd' : 'cmd';
  const command = readCommand(isInner ? container?.cmd : task.cmd, { field: commandName, problems });
  const image = readImage(container, options, problems);
  const fields = {
    pullPolicy: options.pullPolicy,
    ...(image !== undefined && { image }),
    ...(command !== undefined && { command }),
    ...readSecretFields(task, problems),
    options: readOptions(task, container, { options, problems }),
  };
  const names = {
    image: 'container.image',
    command: commandName,
    secretRefs: 'secret_refs',
    registryRef: 'registry_ref',
    optionNames,
  };
  for (const problem of checkFields(fields, names)) problems.add(problem);
  return fields;
}

/** The published model of JobProxy shows the second name. */
function readContainer(task: Fields, problems: Problems): Fields | undefined {
  const [value, other] = [task.container, task.tcontainer].filter(isGiven);
  if (other !== undefined) problems.add('container: expected it once, got `tcontainer` too');
  if (value === undefined && !hasCommand(task.cmd))
    problems.missing('cmd', ': expected `cmd`, `container` or both');
  if (value === undefined || isObject(value)) return value;
  problems.expected('container', 'an object', value);
  return undefined;
}

function readImage(
  container: Fields | undefined,
  { image }: JobProxyOptions,
  problems: Problems,
): string | undefined {
  if (container !== undefined) return readNeededText(container.image, { field: 'container.image', problems });
  if (image === undefined)
    problems.missing(
      'container',
      ': a task without one runs in a default image, and the operator has named none (STINT_JOBPROXY_IMAGE)',
    );
  return image;
}

function readOptions(
  task: Fields,
  container: Fields | undefined,
  { options, problems }: { options: JobProxyOptions; problems: Problems },
): ContainerOptions {
  const ports = readPorts(container?.ports, { field: 'container.ports', problems });
  const mounts = readMounts(container?.mounts, { field: 'container.mounts', problems });
  const limits = readLimits(task, options.memoryUnitBytes, problems);
  const output = readTargets(task, options.outputRoot, problems);
  return {
    ...(ports.length > 0 && { ports }),
    ...(mounts.length > 0 && { mounts }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(Object.keys(output).length > 0 && { output }),
  };
}
