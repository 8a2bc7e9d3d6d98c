import { expect, test } from 'vitest';
import { containerName, jobTag, tagLabel } from '../../../src/docker/container/container.js';
import { removeJobContainers } from '../../../src/docker/container/job-removal.js';
import type { ListedContainer } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { testSettings as settings } from '../../support/backend-parts.js';
import { fakeEngine } from '../../support/fake-engine.js';

/** As our installation names and labels the container of a claim. */
function containerOf(fence: number, node: string): ListedContainer {
  const claim = { jobId: 'job-1', fence };
  const labels = {
    'stint.job': 'job-1',
    'stint.fence': String(fence),
    'stint.node': node,
    [tagLabel]: jobTag(settings, claim),
  };
  return { id: `c${fence}`, name: containerName(settings, claim), labels, createdAt: new Date(0) };
}

test('Q6: all containers of a job go, whichever node of ours made them; what only bears its label stays', async () => {
  const forged = { ...containerOf(9, 'node-1'), id: 'forged', name: 'somebody-elses' };
  const removed: string[] = [];
  const engine = fakeEngine({
    listContainers: async (label) =>
      label === 'stint.job=job-1' ? [containerOf(3, 'node-1'), containerOf(4, 'node-2'), forged] : [],
    remove: async (id) => void removed.push(id),
  });

  expect(await removeJobContainers(engine, settings, 'job-1')).toBe(2);

  expect(removed).toEqual(['c3', 'c4']);
});

test('Q6: a removal that the engine does not carry out fails', async () => {
  const engine = fakeEngine({
    listContainers: async () => [containerOf(3, 'node-1')],
    remove: () => Promise.reject(new EngineError('remove', 'timed_out', '')),
  });

  await expect(removeJobContainers(engine, settings, 'job-1')).rejects.toThrow(EngineError);
});
