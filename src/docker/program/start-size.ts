// Refuses arguments and variables that the kernel would refuse at the start, when the credentials are spent.
import type { ContainerRequest } from '../../executor/backend.js';
import { longestStartBytes, startBytes } from '../../job/check.js';
import { JobFailedError } from '../../job/errors.js';
import { argumentsOf, type ImageConfig } from './arguments.js';

/** Throws `JobFailedError` `arguments_too_long`. What the job alone brings is checked when it is submitted. */
export function refuseLongStart(
  request: Pick<ContainerRequest, 'entrypoint' | 'command' | 'env'>,
  image: ImageConfig,
): void {
  const bytes = startBytes(argumentsOf(request, image), environmentOf(request, image));
  if (bytes > longestStartBytes) throw argumentsTooLong(bytes);
}

/** A variable of the job replaces the image's of the same name. */
function environmentOf({ env }: Pick<ContainerRequest, 'env'>, image: ImageConfig): readonly string[] {
  const names = new Set(env.map(nameOf));
  return [...image.env.filter((entry) => !names.has(nameOf(entry))), ...env];
}

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf('='));
}

function argumentsTooLong(bytes: number): JobFailedError {
  return new JobFailedError(
    'start_failed',
    'arguments_too_long',
    `Could not start the job: its arguments and environment, the image's own included, are together too long for the kernel (${bytes} bytes, at most ${longestStartBytes}, each entry counted with 9 more). Pass large values in \`content\` or as secrets.`,
  );
}
