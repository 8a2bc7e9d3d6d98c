import { BrokenError, JobFailedError } from '../../job/errors.js';
import { contentRefused } from '../archive/errors.js';
import { type EngineError, isFault } from '../engine/errors.js';

/** What a failed step means for the job. What is the engine's own fault comes back as it is. */

export function uploadFailure(error: unknown): unknown {
  if (isFault(error, 'clash'))
    return contentRefused(
      'content_clash',
      `Could not lay \`content\` over the image: a file of one stands where the other has a directory (${error.text}). Move it.`,
    );
  if (isFault(error, 'archive_refused', 'refused'))
    return contentRefused('content_not_taken', `Could not lay \`content\` over the image: ${said(error)}.`);
  return error;
}

export function createFailure(error: unknown): unknown {
  if (isFault(error, 'no_command'))
    return startFailed(
      'no_command',
      'Could not create the container: neither the job nor its image names a command. Set `run` or `entrypoint`.',
    );
  if (isFault(error, 'directory_unusable')) return directoryUnusable(error);
  if (isFault(error, 'refused'))
    return startFailed('create_refused', `Could not create the container: ${said(error)}.`);
  return error;
}

/** The engine met a second container of the same claim, and it is not one that we may take away. */
export function nameTaken(name: string, why: string): BrokenError {
  return new BrokenError(
    'internal',
    `Could not create the container "${name}": there is one of that name already, and ${why}. Look at it, then remove it.`,
    { retryable: false },
  );
}

/** After a start that failed for good. The container was there, so there is an exit code as a shell would have it. */
export function startFailure(error: unknown, command: string | undefined): unknown {
  if (isFault(error, 'command_not_found')) return commandNotFound(command);
  if (isFault(error, 'command_not_executable')) return commandNotExecutable(command);
  if (isFault(error, 'directory_unusable')) return directoryUnusable(error);
  if (isFault(error, 'broken') && !runtimeWords.test(error.text)) return engineFailed(error);
  if (isFault(error, 'refused', 'broken', 'no_command', 'source_missing'))
    return startFailed('start_refused', `Could not start the container: ${said(error)}.`);
  return error;
}

/** Who starts the command speaks of the job; every other trouble in a start is the engine's own, as when it goes down. */
const runtimeWords = /OCI runtime|runc|crun|container_linux|cgroup/i;

function engineFailed(error: EngineError): JobFailedError {
  const message = `The engine failed to start the container: ${said(error)}. The job did not begin; submit it again.`;
  return new JobFailedError('infrastructure', 'engine_failed', message, { cause: error });
}

function directoryUnusable({ text }: EngineError): JobFailedError {
  return startFailed(
    'directory_unusable',
    `Could not start the container: its working directory cannot be used (${text}). Change \`working_directory\`.`,
  );
}

export function commandNotFound(command: string | undefined): JobFailedError {
  return startFailed(
    'command_not_found',
    `Could not start ${named(command)}: the image has no such program on its PATH. Check \`entrypoint\` and \`run\`.`,
    127,
  );
}

export function commandNotExecutable(command: string | undefined): JobFailedError {
  return startFailed(
    'command_not_executable',
    `Could not start ${named(command)}: it is there but cannot be executed. Check its mode and what it is.`,
    126,
  );
}

function named(command: string | undefined): string {
  return command === undefined
    ? "the image's command"
    : `the command ${JSON.stringify(command.slice(0, 200))}`;
}

function said({ text }: EngineError): string {
  return text === '' ? 'the engine refused without a word' : `the engine says "${text}"`;
}

function startFailed(code: string, message: string, exitCode?: number): JobFailedError {
  return new JobFailedError('start_failed', code, message, exitCode === undefined ? {} : { exitCode });
}
