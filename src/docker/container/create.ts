// Creates the container of a claim; handles a lost answer and a name that is taken.
import type { Delivery } from '../delivery/delivery.js';
import type { ContainerFacts, Engine } from '../engine/engine.js';
import { isFault } from '../engine/errors.js';
import {
  type ContainerParameters,
  type ContainerSettings,
  containerName,
  createOptions,
  jobTag,
  type Sandbox,
  tagLabel,
} from './container.js';
import { createFailure, nameTaken } from './errors.js';

interface CreateParts {
  readonly engine: Engine;
  readonly settings: ContainerSettings;
  readonly delivery: Delivery;
  readonly imageId: string;
  /** Whether an init process of ours is process 1. */
  readonly init: boolean;
  /** Whose network the container joins; undefined: it gets one of its own. */
  readonly sandbox: Sandbox | undefined;
}

/**
 * Creates the container of a claim and returns its id. Where its name is taken, or the engine's answer was lost, the
 * container of that name is inspected: if it is ours and never ran, it is replaced, once. Throws `JobFailedError` when
 * the job is at fault, `BrokenError` when a container of that name has already run or is not ours.
 */
export async function createContainer(parts: CreateParts, parameters: ContainerParameters): Promise<string> {
  try {
    return await createOnce(parts, parameters);
  } catch (error) {
    if (!isFault(error, 'name_taken', 'cut', 'timed_out')) throw createFailure(error);
    await removeUnstarted(parts, parameters);
  }
  return await createOnce(parts, parameters).catch((error: unknown) => {
    throw createFailure(error);
  });
}

async function createOnce(parts: CreateParts, parameters: ContainerParameters): Promise<string> {
  const { engine, settings, delivery, imageId, init, sandbox } = parts;
  const options = createOptions(settings, parameters, {
    imageId,
    files: delivery.files,
    mounts: delivery.mounts,
    init,
    sandbox,
  });
  return await engine.create(containerName(settings, parameters), options);
}

async function removeUnstarted(parts: CreateParts, parameters: ContainerParameters): Promise<void> {
  const name = containerName(parts.settings, parameters);
  const found = await parts.engine.findContainer(name);
  if (found === undefined) return;
  if (!isOurs(found, parts.settings, parameters)) throw nameTaken(name, 'it is not ours');
  if (found.status !== 'created' || found.startedAt !== undefined)
    throw nameTaken(name, 'it has been started for this very claim');
  await parts.engine.remove(found.id);
}

/** The container of this claim; undefined when there is none, or it lacks the tag that only we can compute. */
export async function findOurs(
  { engine, settings }: Pick<CreateParts, 'engine' | 'settings'>,
  claim: Claim,
): Promise<ContainerFacts | undefined> {
  const found = await engine.findContainer(containerName(settings, claim));
  return found !== undefined && isOurs(found, settings, claim) ? found : undefined;
}

type Claim = Pick<ContainerParameters, 'jobId' | 'fence'>;

function isOurs(found: ContainerFacts, settings: ContainerSettings, claim: Claim): boolean {
  return found.labels[tagLabel] === jobTag(settings, claim);
}
