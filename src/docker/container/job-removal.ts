// Recognizes the containers of our jobs and removes all containers of one job.
import type { Engine, ListedContainer } from '../engine/engine.js';
import { type ContainerSettings, containerName, jobTag, tagLabel } from './container.js';

/** Whether a container was made by our installation for the job and claim that its labels name. */
export function isJobContainer(settings: ContainerSettings, { name, labels }: ListedContainer): boolean {
  const claim = { jobId: labels['stint.job'] ?? '', fence: Number(labels['stint.fence']) };
  return labels[tagLabel] === jobTag(settings, claim) && name === containerName(settings, claim);
}

/**
 * Removes every container of a job, whichever node made it and whatever its state, and returns how many there were.
 * When it returns, none is left at this engine. Throws `EngineError`.
 */
export async function removeJobContainers(
  engine: Engine,
  settings: ContainerSettings,
  jobId: string,
): Promise<number> {
  const listed = await engine.listContainers(`stint.job=${jobId}`);
  const ours = listed.filter((container) => isJobContainer(settings, container));
  await Promise.all(ours.map(({ id }) => engine.remove(id)));
  return ours.length;
}
