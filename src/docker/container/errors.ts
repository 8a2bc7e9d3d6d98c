// What a failed upload, create or start means for the job.
import { BrokenError, JobFailedError } from '../../job/errors.js';
import { contentRefused } from '../archive/errors.js';
import { type EngineError, isFault } from '../engine/errors.js';
import { commandNotFound, findSystemText, startError, startFailed } from '../program/start-errors.js';

/** Like the other functions here, returns errors that are the engine's own fault unchanged. */
export function uploadFailure(error: unknown): unknown {
  if (isFault(error, 'clash'))
    return contentRefused(
      'content_clash',
      `Could not lay \`content\` over the image: a file of one stands where the other has a directory (${error.text}). Move it.`,
    );
  if (isFault(error, 'archive_refused', 'refused'))
    return contentRefused(
      'content_not_taken',
      `Could not lay \`content\` over the image: ${engineReason(error)}.`,
    );
  return error;
}

export function createFailure(error: unknown): unknown {
  if (isFault(error, 'no_command'))
    return startFailed(
      'no_command',
      'Could not create the container: neither the job nor its image names a command. Set `run` or `entrypoint`.',
    );
  if (isFault(error, 'directory_unusable')) return directoryUnusable(error);
  if (isFault(error, 'no_gpu')) return gpuUnavailable(error);
  if (isFault(error, 'refused', 'volume_unusable', 'image_hollow'))
    return startFailed('create_refused', `Could not create the container: ${engineReason(error)}.`);
  return error;
}

/** There is already a container with the name of this claim, and it must not be removed. */
export function nameTaken(name: string, why: string): BrokenError {
  return new BrokenError(
    'internal',
    `Could not create the container "${name}": one of that name exists already, and ${why}. Inspect it, then remove it.`,
    { retryable: false },
  );
}

/** What a start that failed for good means. Sets the exit codes a shell uses: 127 not found, 126 not executable. */
export function startFailure(error: unknown, command: string | undefined): unknown {
  if (isFault(error, 'command_not_found')) return commandNotFound(command);
  if (isFault(error, 'command_not_executable'))
    return startError(command, findSystemText(error.text) ?? error.text);
  if (isFault(error, 'directory_unusable')) return directoryUnusable(error);
  if (isFault(error, 'no_gpu')) return gpuUnavailable(error);
  if (isFault(error, 'port_taken'))
    return startFailed(
      'port_taken',
      `Could not start the container: a port that it publishes is in use on the node (${error.text}).`,
    );
  if (isFault(error, 'broken') && !runtimeText.test(error.text)) return engineFailed(error);
  if (isFault(error, 'refused', 'broken', 'no_command', 'source_missing'))
    return startFailed('start_refused', `Could not start the container: ${engineReason(error)}.`);
  return error;
}

/**
 * A failure of the container runtime concerns the job; any other failure of a start is the engine's own, such as its
 * shutdown.
 */
const runtimeText = /OCI runtime|runc|crun|container_linux|cgroup/i;

function engineFailed(error: EngineError): JobFailedError {
  const message = `The engine failed to start the container: ${engineReason(error)}. The job did not start; submit it again.`;
  return new JobFailedError('infrastructure', 'engine_failed', message, { cause: error });
}

function directoryUnusable({ text }: EngineError): JobFailedError {
  return startFailed(
    'directory_unusable',
    `Could not start the container: its working directory cannot be used (${text}). Change \`working_directory\`.`,
  );
}

export function gpuUnavailable(error: EngineError): JobFailedError {
  return startFailed(
    'gpu_unavailable',
    `Could not start the container: the engine of its node cannot give it the GPUs that it asks for; ${engineReason(error)}. Ask for fewer, or for none.`,
  );
}

function engineReason({ text }: EngineError): string {
  return text === '' ? 'the engine refused and gave no reason' : `the engine says "${text}"`;
}
