// Says why a command was not started: where the system calls a file missing, by a look at the files.
import { setTimeout as delay } from 'node:timers/promises';
import type { JobFailedError } from '../../job/errors.js';
import type { Delivery } from '../delivery/delivery.js';
import type { Engine } from '../engine/engine.js';
import type { OpenedImage } from '../image/facts.js';
import { findLinkedFile, TooManyLinks } from '../image/linked-file.js';
import type { ImageConfig } from '../program/arguments.js';
import { findMissing, headBytes, type LookAt, type Missing } from '../program/missing-part.js';
import { commandNotFound, isMissing, startError, startErrorUnseen } from '../program/start-errors.js';
import type { StartMessage } from '../program/start-messages.js';
import type { ContainerParameters } from './container.js';

/** The job has failed already; its owner does not wait long for a better sentence. */
const lookingMs = 5_000;

interface FailedStart {
  readonly engine: Engine;
  readonly delivery: Delivery;
  readonly imageConfig: ImageConfig;
  readonly openImage: () => Promise<OpenedImage>;
  readonly containerId: string;
  readonly parameters: ContainerParameters;
}

/** Never throws: what cannot be looked at is told in general. */
export async function explainStart(start: FailedStart, message: StartMessage): Promise<JobFailedError> {
  const { command, reason } = message;
  if (command === undefined || !isMissing(reason)) return startError(command, reason);
  const looking = look(start, command).catch(() => unknown);
  const found = await Promise.race([looking, delay(lookingMs, unknown, { ref: false })]);
  if (found.kind === 'unknown') return startErrorUnseen(message);
  return commandNotFound(command, found.kind === 'part' ? found.why : undefined);
}

const unknown: Missing = { kind: 'unknown' };

/**
 * Where host files were bound into the job's container they are gone by now, and its own files with them: another container of
 * the image gets the same content then.
 */
async function look(start: FailedStart, command: string): Promise<Missing> {
  if (start.delivery.files.length === 0) return await lookInto(start.containerId, start, command);
  await using image = await start.openImage();
  await start.delivery.uploadContent(image.id, AbortSignal.timeout(lookingMs));
  return await lookInto(image.id, start, command);
}

async function lookInto(containerId: string, start: FailedStart, command: string): Promise<Missing> {
  const { engine, parameters, imageConfig } = start;
  const workingDirectory = parameters.workingDirectory ?? imageConfig.workingDirectory;
  const path = [...imageConfig.env, ...parameters.env]
    .findLast((entry) => entry.startsWith('PATH='))
    ?.slice(5);
  const lookAt: LookAt = async (at) => {
    const found = await findLinkedFile({ engine, containerId, mostBytes: headBytes }, at).catch(
      nothingIfCircle,
    );
    return found === 'dangling' ? undefined : found?.entry;
  };
  return await findMissing(lookAt, { name: command, workingDirectory, path });
}

function nothingIfCircle(error: unknown): undefined {
  if (!(error instanceof TooManyLinks)) throw error;
}
