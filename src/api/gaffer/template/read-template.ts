// Checks the configuration of a gaffer job and turns it into a template.

import { posix } from 'node:path';
import { checkFields, type FieldNames } from '../../../job/check.js';
import { RefusedError } from '../../../job/errors.js';
import { checkOptions } from '../../../job/options/check-options.js';
import { findForbiddenImage } from '../../../job/options/image-policy.js';
import type { ContainerOptions, Mount, UserId } from '../../../job/options/options.js';
import { findForbidden, isMountAllowed, type OptionsPolicy } from '../../../job/options/policy.js';
import type { Place } from '../../../job/options/rules.js';
import { Secret } from '../../../job/secret.js';
import type { AppParts } from '../../parts.js';
import { readFields } from '../../request/readers.js';
import { joinProblems } from '../../request/sentence.js';
import { splitLine } from '../../request/words.js';
import { defaultFlapping } from '../supervision/brake.js';
import { findStreamProblems } from './custom-streams.js';
import { launch, type Template, type TemplateSecrets } from './template.js';
import { findUnsupported } from './unsupported.js';
import { jobShape, type WireJob } from './wire.js';

/** What the operator says. */
export type Settings = Pick<AppParts, 'gaffer' | 'policyFor'>;

/** Processes are in no queue. */
const place: Place = { door: 'gaffer', queue: null };

/** gaffer's name for each field of the model, for the texts of problems. */
const fieldNames: FieldNames = {
  entrypoint: 'cmd',
  command: 'args',
  workingDirectory: 'cwd',
  secretRefs: 'secret_refs',
  secretFileType: 'secret_file_type',
  registryRef: 'registry_ref',
  optionNames: { user: 'uid', mounts: 'cwd', stopGraceMs: 'graceful_timeout', pipes: 'custom_streams' },
};

/** The user of a job that names none, and the group of one that names no group. */
const usual: UserId = { uid: 2001, gid: 2001 };
const usualGraceSeconds = 10;

/** Never shown again: what only concerns the load, and what is a credential. */
const hidden: readonly string[] = ['start', 'custom_channels', 'wrap_secret_id'];

export interface ReadTemplate {
  readonly template: Template;
  readonly name: string;
  /** Whether its processes start now. */
  readonly starts: boolean;
  /** Good for the one login of the job. */
  readonly wrappedSecretId: Secret | undefined;
}

/** What a job has at Vault already. */
interface Identity {
  readonly hasLogin: boolean;
}

/** Throws `RefusedError` with all that is wrong, or that the operator forbids. `replaces`: the job is loaded already. */
export function readTemplate(
  config: Readonly<Record<string, unknown>>,
  settings: Settings,
  replaces?: Identity,
): ReadTemplate {
  const problems: string[] = [];
  const job = readFields(config, jobShape, { problems });
  refuse(problems);
  refuse([
    ...findMissing(job, settings),
    ...findUnsupported(job),
    ...findStreamProblems(job),
    ...findSecretProblems(job, replaces),
  ]);
  const hasLogin = replaces?.hasLogin ?? job.wrap_secret_id !== undefined;
  const template = { ...toTemplate(job, config, settings), ...(hasLogin && { secrets: secretsOf(job) }) };
  refuseBadLaunch(template, settings);
  const { name = '', start: starts = true, wrap_secret_id: wrap } = job;
  return { template, name, starts, wrappedSecretId: wrap === undefined ? undefined : new Secret(wrap) };
}

/** Whether a process can be started so. */
export function refuseBadLaunch(template: Template, { policyFor }: Settings, extra = {}): void {
  const policy = policyFor(place);
  const fields = launch(template, extra);
  const [program] = fields.entrypoint;
  refuse(program === '' ? ['cmd must be a command that begins with a program, got nothing.'] : []);
  refuse(checkFields(fields, fieldNames));
  refuse([
    ...findForbiddenImage(fields.image, policy.images, 'image'),
    ...findForbidden(fields.options ?? {}, policy, fieldNames.optionNames),
  ]);
}

export function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new RefusedError('invalid_request', joinProblems(problems));
}

function findMissing(job: WireJob, { gaffer }: Settings): string[] {
  const hasImage = (job.image ?? job.container_image ?? gaffer.image) !== undefined;
  return [
    ...(job.name === undefined ? ['name is required, got nothing.'] : []),
    ...(job.cmd === undefined ? ['cmd is required, got nothing.'] : []),
    ...(hasImage ? [] : ['image is required, got nothing: the operator sets no image (STINT_GAFFER_IMAGE).']),
  ];
}

/** A wrapping token is a credential, so it is not quoted. */
function findSecretProblems(job: WireJob, replaces: Identity | undefined): string[] {
  const { wrap_secret_id: wrap, secret_refs: references = [], registry_ref: registry } = job;
  const hasLogin = replaces?.hasLogin ?? wrap !== undefined;
  return [
    ...(wrap !== undefined && replaces !== undefined
      ? ['wrap_secret_id is not supported here: a job logs in once, when it is loaded. Leave it out.']
      : []),
    ...(wrap === undefined || /^[!-~]{1,4096}$/.test(wrap)
      ? []
      : ['wrap_secret_id must be a token of 1 to 4096 visible ASCII characters, got something else.']),
    ...(references.length === 0 || hasLogin
      ? []
      : ['secret_refs needs a wrap_secret_id at the load: without it the job may read nothing at Vault.']),
    ...(registry === undefined || hasLogin
      ? []
      : ['registry_ref needs a wrap_secret_id at the load: without it the job may read nothing at Vault.']),
  ];
}

function secretsOf({
  secret_refs,
  secret_file_type,
  cont_on_warnings,
  registry_ref,
}: WireJob): TemplateSecrets {
  return {
    ...(secret_refs !== undefined && { secretRefs: secret_refs }),
    ...(secret_file_type !== undefined && { secretFileType: secret_file_type }),
    ...(cont_on_warnings !== undefined && { continueOnWarnings: cont_on_warnings }),
    ...(registry_ref !== undefined && { registryRef: registry_ref }),
  };
}

function toTemplate(job: WireJob, config: Readonly<Record<string, unknown>>, settings: Settings): Template {
  const { cmd = '', shell = false, numprocesses = 1, detach = false, flapping } = job;
  const shown = Object.entries(config).filter(([field]) => !hidden.includes(field));
  const cwd = job.cwd === undefined ? undefined : plainPath(job.cwd);
  return {
    config: Object.fromEntries(shown),
    program: shell ? [cmd] : split(cmd, 'cmd'),
    args: typeof job.args === 'string' ? split(job.args, 'args') : (job.args ?? []),
    shell,
    env: job.env ?? [],
    cwd,
    image: job.image ?? job.container_image ?? settings.gaffer.image ?? '',
    options: toOptions(job, cwd, settings.policyFor(place)),
    numprocesses,
    detach,
    flapping: flapping && { ...defaultFlapping, ...flapping },
  };
}

function split(line: string, field: string): string[] {
  const words = splitLine(line);
  if (words === undefined) refuse([`${field} must be a text whose quotes are closed, got one that is open.`]);
  return words ?? [];
}

/** In one spelling: with `/` at the end, or twice, it is the same path. */
function plainPath(path: string): string {
  return path.startsWith('/') ? posix.normalize(path).replace(/(?<=.)\/$/, '') : path;
}

function toOptions(
  {
    uid = usual.uid,
    gid = usual.gid,
    graceful_timeout: grace = usualGraceSeconds,
    redirect_input: stdin,
    custom_streams: pipes = [],
  }: WireJob,
  cwd: string | undefined,
  policy: OptionsPolicy,
): ContainerOptions {
  const mount = cwd === undefined ? undefined : findMount(cwd, policy);
  return {
    ...((uid !== usual.uid || gid !== usual.gid) && { user: { uid, gid } }),
    ...(mount !== undefined && { mounts: [mount] }),
    stopGraceMs: Math.round(grace * 1000),
    ...(stdin === true && { stdin }),
    ...(pipes.length > 0 && { pipes }),
  };
}

/** A directory of the node that the operator allows is there in the container too; any other is one of the container. */
function findMount(path: string, policy: OptionsPolicy): Mount | undefined {
  const mounts = [false, true].map((readOnly): Mount => {
    return { kind: 'bind', source: path, target: path, readOnly };
  });
  return mounts.find(
    (mount) => checkOptions({ mounts: [mount] }).length === 0 && isMountAllowed(mount, policy.mounts),
  );
}
