// Decides what is process 1 of a job: an init process of ours, or what the image brings for that.
import { posix } from 'node:path';
import type { ContainerRequest } from '../../executor/backend.js';
import { JobFailedError } from '../../job/errors.js';
import { argumentsOf, type ImageConfig } from './arguments.js';

/** What an operator sets for jobs and images that do not say. */
export type InitPolicy = 'auto' | 'always' | 'never';

/** With it an image says whether it wants an init process of ours: `true` or `false`. */
export const initLabel = 'stint.init';

/** Programs that are init processes themselves. Some of them end at once when they are not process 1. */
const inits: ReadonlySet<string> = new Set([
  'init', // s6-overlay, BusyBox, System V
  's6-overlay-suexec',
  's6-linux-init',
  's6-svscan',
  'systemd',
  'runit',
  'runit-init',
  'openrc-init',
  'my_init',
  'tini',
  'tini-static',
  'docker-init',
  'dumb-init',
  'catatonit',
]);

/**
 * Whether an init process of ours is to be process 1: the job says so, else the image's label, else the operator, who
 * by default leaves the place to a program that is known for one. Throws `JobFailedError` for a label that says neither.
 */
export function needsInit(
  request: Pick<ContainerRequest, 'init' | 'entrypoint' | 'command'>,
  image: ImageConfig,
  policy: InitPolicy,
): boolean {
  const told = request.init ?? readLabel(image.labels[initLabel]);
  if (told !== undefined) return told;
  if (policy !== 'auto') return policy === 'always';
  const [program = ''] = argumentsOf(request, image);
  return !inits.has(posix.basename(program));
}

function readLabel(text: string | undefined): boolean | undefined {
  if (text === undefined || text === 'true' || text === 'false')
    return text === undefined ? undefined : text === 'true';
  throw new JobFailedError(
    'image_unavailable',
    'image_unusable',
    `Expected the label \`${initLabel}\` of the image to be \`true\` or \`false\`, got ${JSON.stringify(text.slice(0, 100))}. Set \`init\` in the job, or use another image.`,
  );
}

const subreaper = 'TINI_SUBREAPER';

/** Where ours is process 1, a `tini` further down takes care of its own children only when told so; else it complains. */
export function withSubreaper(env: readonly string[]): string[] {
  const isThere = env.some((entry) => entry.startsWith(`${subreaper}=`));
  return isThere ? [...env] : [...env, `${subreaper}=1`];
}
