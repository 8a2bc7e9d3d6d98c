// Lists all containers at the engine that our installation made.
import type { Engine, ListedContainer } from '../engine/engine.js';
import { imageTag } from '../image/facts.js';
import { type ContainerSettings, tagLabel } from './container.js';
import { isJobContainer } from './job-removal.js';

/** A container that any node of our installation made. */
export interface OwnContainer {
  readonly id: string;
  readonly name: string;
  /** Undefined for a container that was made to read an image. */
  readonly jobId: string | undefined;
  readonly node: string;
  /** By the engine's own clock; 0 when the clock is unknown, so that nothing looks old. */
  readonly ageMs: number;
}

/**
 * Only containers that are certainly ours, running or not: recognized by keyed tag and name, because labels can be
 * copied. The clock is read before the list, so that no container looks older than it is. Throws `EngineError`.
 */
export async function listOwnContainers(
  engine: Engine,
  settings: ContainerSettings,
): Promise<OwnContainer[]> {
  const { clock } = await engine.info();
  const listed = await engine.listContainers(`stint.installation=${settings.installation}`);
  return listed.flatMap((container) => {
    const isJob = isJobContainer(settings, container);
    return isJob || isImageReader(settings, container) ? [toOwn(container, isJob, clock)] : [];
  });
}

function isImageReader(settings: ContainerSettings, { name, labels }: ListedContainer): boolean {
  return labels[tagLabel] === imageTag(settings, name);
}

function toOwn(container: ListedContainer, isJob: boolean, clock: Date | undefined): OwnContainer {
  const { id, name, labels, createdAt } = container;
  return {
    id,
    name,
    jobId: isJob ? labels['stint.job'] : undefined,
    node: labels['stint.node'] ?? '',
    ageMs: clock === undefined ? 0 : clock.getTime() - createdAt.getTime(),
  };
}
