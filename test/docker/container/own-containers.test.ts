import { expect, test } from 'vitest';
import { containerName, jobTag, sandboxLabel, tagLabel } from '../../../src/docker/container/container.js';
import { listOwnContainers } from '../../../src/docker/container/own-containers.js';
import type { ListedContainer } from '../../../src/docker/engine/engine.js';
import { imageTag } from '../../../src/docker/image/facts.js';
import { newSandboxName, sandboxOptions } from '../../../src/docker/sandbox/sandbox.js';
import { engineState, testSettings as settings } from '../../support/backend-parts.js';
import { fakeEngine } from '../../support/fake-engine.js';

// E4: what is ours, and how old it is.

const claim = { jobId: 'job-1', fence: 3 };
const labels = {
  'stint.node': 'node-7',
  'stint.job': claim.jobId,
  'stint.fence': '3',
  [tagLabel]: jobTag(settings, claim),
};
const created = new Date('2026-01-01T00:00:00Z');

function listed(given: Partial<ListedContainer> = {}): ListedContainer {
  return { id: 'c1', name: containerName(settings, claim), labels, createdAt: created, ...given };
}

async function list(
  container: ListedContainer,
  clock: Date | undefined = created,
  ...more: ListedContainer[]
) {
  const asked: string[] = [];
  const engine = fakeEngine({
    info: async () => {
      asked.push('info');
      return engineState({ clock });
    },
    listContainers: async (label) => {
      asked.push(label);
      return [container, ...more];
    },
  });
  const found = await listOwnContainers(engine, settings);
  expect(asked).toEqual(['info', `stint.installation=${settings.installation}`]);
  return found;
}

test('the container of a job is ours on every node, and as old as the engine says, whatever our own clock', async () => {
  const hour = new Date('2026-01-01T01:00:00Z');

  expect(await list(listed(), hour)).toEqual([
    {
      id: 'c1',
      name: containerName(settings, claim),
      jobId: 'job-1',
      isSpare: false,
      node: 'node-7',
      ageMs: 3_600_000,
    },
  ]);
});

test('a container that was made to read an image is ours and belongs to no job', async () => {
  const name = 'stint-image-1';
  const helper = listed({ name, labels: { 'stint.node': 'node-7', [tagLabel]: imageTag(settings, name) } });

  expect(await list(helper)).toEqual([
    { id: 'c1', name, jobId: undefined, isSpare: false, node: 'node-7', ageMs: 0 },
  ]);
});

test('a network that was made ahead is ours as long as no job has joined it, and only under its own name', async () => {
  const name = newSandboxName(settings);
  const sandbox = listed({ name, labels: sandboxOptions(settings, name, 'sha256:1').Labels });
  const job = listed({ id: 'c2', labels: { ...labels, [sandboxLabel]: name } });
  const copy = listed({ id: 'c3', name: 'copy', labels: sandbox.labels });

  const spare = { id: 'c1', name, jobId: undefined, isSpare: true, node: settings.node, ageMs: 0 };
  expect(await list(sandbox, created, copy)).toEqual([spare]);
  expect(await list(sandbox, created, job)).toMatchObject([{ id: 'c2', isSpare: false }]);
});

test('nothing looks old when the engine does not report its time', async () => {
  const engine = fakeEngine({
    info: async () => engineState({ clock: undefined }),
    listContainers: async () => [listed({ createdAt: new Date(0) })],
  });

  expect(await listOwnContainers(engine, settings)).toMatchObject([{ ageMs: 0 }]);
});

test.each([
  ['under another name', listed({ name: 'copy' })],
  ['without a tag', listed({ labels: { ...labels, [tagLabel]: '' } })],
  ['without labels', listed({ labels: {} })],
  ['with the tag of another claim', listed({ labels: { ...labels, 'stint.fence': '4' } })],
  ['with the tag of another job', listed({ labels: { ...labels, 'stint.job': 'job-2' } })],
  [
    'with the tag of another key',
    listed({
      labels: { ...labels, [tagLabel]: jobTag({ ...settings, tagKey: Buffer.alloc(32, 9) }, claim) },
    }),
  ],
  [
    'with the tag of another helper',
    listed({ name: 'stint-image-2', labels: { [tagLabel]: imageTag(settings, 'stint-image-1') } }),
  ],
])('a container %s is not ours', async (_, container) => {
  expect(await list(container)).toEqual([]);
});
