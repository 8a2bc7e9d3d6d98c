import { describe, expect, test } from 'vitest';
import { jobTag, tagLabel } from '../../../src/docker/container/container.js';
import { createContainer } from '../../../src/docker/container/create.js';
import type { ContainerFacts, Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import type { EngineFault } from '../../../src/docker/engine/fault-rules.js';
import { testSettings as settings } from '../../support/backend-parts.js';
import { containerRequest } from '../../support/container-request.js';
import { containerFacts, fakeEngine } from '../../support/fake-engine.js';

const request = containerRequest({ jobId: 'job-1', fence: 1 });
const ours = { [tagLabel]: jobTag(settings, request) };
const unused: Partial<ContainerFacts> = { labels: ours, status: 'created', startedAt: undefined };

/** Creates a container; the first request fails like this, and then this container is found under the name. */
async function create(fault: EngineFault, found: Partial<ContainerFacts> | undefined) {
  const removed: string[] = [];
  let calls = 0;
  const engine: Engine = fakeEngine({
    create: async () => {
      if (calls++ === 0) throw new EngineError('create', fault, 'said');
      return 'new';
    },
    findContainer: async () => found && containerFacts({ id: 'old', ...found }),
    remove: async (id) => void removed.push(id),
  });
  const delivery = { files: [], mounts: [] } as unknown as Parameters<typeof createContainer>[0]['delivery'];
  const parts = { engine, settings, delivery, imageId: 'sha256:1', init: true, sandbox: undefined };
  const id = await createContainer(parts, request);
  return { id, removed };
}

describe('createContainer', () => {
  test.each(['name_taken', 'cut', 'timed_out'] as const)(
    'after `%s` replaces a container of ours that never ran',
    async (fault) => {
      expect(await create(fault, unused)).toEqual({ id: 'new', removed: ['old'] });
    },
  );

  test('creates again after a lost answer when nothing was created', async () => {
    expect(await create('cut', undefined)).toEqual({ id: 'new', removed: [] });
  });

  test.each([
    ['runs', { ...unused, status: 'running', startedAt: new Date() }],
    ['has ended', { ...unused, status: 'exited', startedAt: new Date() }],
    ['is not ours', { ...unused, labels: {} }],
    [
      'carries a tag of another claim',
      { ...unused, labels: { [tagLabel]: jobTag(settings, { jobId: 'job-1', fence: 2 }) } },
    ],
  ])('never touches one that %s', async (_, found) => {
    await expect(create('name_taken', found)).rejects.toMatchObject({ code: 'internal', retryable: false });
  });

  test.each([
    ['no_command', 'no_command'],
    ['directory_unusable', 'directory_unusable'],
    ['refused', 'create_refused'],
  ] as const)('blames the job for `%s`', async (fault, code) => {
    await expect(create(fault, undefined)).rejects.toMatchObject({ reason: 'start_failed', code });
  });

  test.each(['disk_full', 'no_socket', 'image_missing', 'network_missing'] as const)(
    'leaves `%s` to be tried again',
    async (fault) => {
      await expect(create(fault, undefined)).rejects.toMatchObject({ fault, retryable: true });
    },
  );
});
