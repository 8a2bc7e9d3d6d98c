// Lists all containers at the engine that our installation made.
import type { Engine, ListedContainer } from '../engine/engine.js';
import { imageTag } from '../image/facts.js';
import { isSandbox, sandboxesInUse } from '../sandbox/sandbox.js';
import { type ContainerSettings, tagLabel } from './container.js';
import { isJobContainer } from './job-removal.js';

/** A container that any node of our installation made. */
export interface OwnContainer {
  readonly id: string;
  readonly name: string;
  /** Undefined for one that was made to read an image, and for the spare network of a job. */
  readonly jobId: string | undefined;
  /** A network that is kept ready for a job of its node, and that no job has joined. */
  readonly isSpare: boolean;
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
  const joined = sandboxesInUse(settings, listed);
  return listed.flatMap((container) => {
    const isJob = isJobContainer(settings, container);
    const isSpare = isSandbox(settings, container) && !joined.has(container.name);
    const isOwn = isJob || isSpare || isImageReader(settings, container);
    return isOwn ? [{ ...toOwn(container, isJob, clock), isSpare }] : [];
  });
}

function isImageReader(settings: ContainerSettings, { name, labels }: ListedContainer): boolean {
  return labels[tagLabel] === imageTag(settings, name);
}

function toOwn(
  container: ListedContainer,
  isJob: boolean,
  clock: Date | undefined,
): Omit<OwnContainer, 'isSpare'> {
  const { id, name, labels, createdAt } = container;
  return {
    id,
    name,
    jobId: isJob ? labels['stint.job'] : undefined,
    node: labels['stint.node'] ?? '',
    ageMs: clock === undefined ? 0 : clock.getTime() - createdAt.getTime(),
  };
}
