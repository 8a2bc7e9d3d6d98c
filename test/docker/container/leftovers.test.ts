import { describe, expect, test } from 'vitest';
import { containerName, jobTag, sandboxLabel, tagLabel } from '../../../src/docker/container/container.js';
import { Leftovers } from '../../../src/docker/container/leftovers.js';
import type { ListedContainer } from '../../../src/docker/engine/engine.js';
import { imageTag } from '../../../src/docker/image/facts.js';
import { newSandboxName, sandboxOptions } from '../../../src/docker/sandbox/sandbox.js';
import { testSettings as settings } from '../../support/backend-parts.js';
import { fakeEngine } from '../../support/fake-engine.js';

const claim = { jobId: 'job-1', fence: 3 };
const jobLabels = {
  'stint.node': settings.node,
  'stint.job': claim.jobId,
  'stint.fence': '3',
  [tagLabel]: jobTag(settings, claim),
};

function listed(labels: Record<string, string>, name = containerName(settings, claim)): ListedContainer {
  return { id: 'c1', name, labels, createdAt: new Date(0) };
}

function leftoversAmong(...containers: ListedContainer[]) {
  const asked: string[] = [];
  const removed: string[] = [];
  const engine = fakeEngine({
    listContainers: async (label) => {
      asked.push(label);
      return containers;
    },
    remove: async (id) => void removed.push(id),
  });
  return { leftovers: new Leftovers(engine, settings), asked, removed };
}

describe('a leftover', () => {
  test.each([
    ['a job', listed(jobLabels)],
    [
      'a container that was made to read an image',
      listed(
        { 'stint.node': settings.node, [tagLabel]: imageTag(settings, 'stint-image-1') },
        'stint-image-1',
      ),
    ],
  ])('is %s of this node', async (_, container) => {
    const { leftovers, removed } = leftoversAmong(container);

    expect(await leftovers.remove()).toBe(1);
    expect(removed).toEqual(['c1']);
  });

  test.each([
    ['of another node', listed({ ...jobLabels, 'stint.node': 'node-2' })],
    ['under another name', listed(jobLabels, 'copy')],
    ['without a tag', listed({ ...jobLabels, [tagLabel]: '' })],
    ['with the tag of another claim', listed({ ...jobLabels, 'stint.fence': '4' })],
    [
      'with the tag of another key',
      listed({ ...jobLabels, [tagLabel]: jobTag({ ...settings, tagKey: Buffer.alloc(32, 9) }, claim) }),
    ],
    ['without labels', listed({ 'stint.node': settings.node })],
  ])('is no container %s', async (_, container) => {
    const { leftovers, removed } = leftoversAmong(container);

    expect(await leftovers.remove()).toBe(0);
    expect(removed).toEqual([]);
  });
});

test('a network that was made ahead is a leftover, unless a job that goes on has joined it', async () => {
  const [joined, spare, others] = [1, 2, 3].map(() => newSandboxName(settings));
  const sandbox = (name = '', node = settings.node) => {
    const { Labels: made } = sandboxOptions({ ...settings, node }, name, 'sha256:1');
    return { ...listed(made, name), id: name };
  };
  const job = listed({ ...jobLabels, [sandboxLabel]: joined ?? '' });
  const all = [job, sandbox(joined), sandbox(spare), sandbox(others, 'node-2')];
  const { leftovers, removed } = leftoversAmong(...all);

  expect(await leftovers.remove((jobId) => jobId === claim.jobId)).toBe(1);
  expect(removed).toEqual([spare]);

  const ended = leftoversAmong(...all);
  await ended.leftovers.remove();
  expect(ended.removed.toSorted()).toEqual(['c1', joined, spare].toSorted());
});

test('leftovers are searched once per process, among the containers of this installation', async () => {
  const { leftovers, asked, removed } = leftoversAmong(listed(jobLabels));

  expect(await Promise.all([leftovers.remove(), leftovers.remove()])).toEqual([1, 1]);
  await leftovers.remove();

  expect(asked).toEqual([`stint.installation=${settings.installation}`]);
  expect(removed).toEqual(['c1']);
});

test('leftovers are searched again after a failure', async () => {
  let isUnavailable = true;
  const engine = fakeEngine({
    listContainers: async () => {
      if (isUnavailable) throw new Error('unavailable');
      return [];
    },
  });
  const leftovers = new Leftovers(engine, settings);

  await expect(leftovers.remove()).rejects.toThrow('unavailable');
  isUnavailable = false;

  expect(await leftovers.remove()).toBe(0);
});
