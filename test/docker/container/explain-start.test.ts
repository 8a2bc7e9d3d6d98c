// The sentence for a start that failed, when a look at the files does not work out.
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { explainStart } from '../../../src/docker/container/explain-start.js';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { tarOf } from '../../support/archives.js';
import { containerRequest } from '../../support/container-request.js';
import { fakeEngine, foundImage } from '../../support/fake-engine.js';

const message = { command: '/run', reason: 'No such file or directory' };

/** A start in a container with bound files. Notes what becomes of the container that is looked at instead. */
function failedStart(findFile: Engine['findFile'], openImage?: () => never) {
  const calls: string[] = [];
  const image = { id: 'looked-at', [Symbol.asyncDispose]: async () => void calls.push('remove') };
  const start = {
    engine: fakeEngine({ findFile }),
    delivery: {
      mounts: [],
      files: [{ source: '/dev/shm/x', target: '/secrets.yml' }],
      uploadContent: async (id: string) => void calls.push(`content ${id}`),
      fill: async () => undefined,
      release: async () => undefined,
    },
    imageConfig: foundImage('sha256:1').config,
    openImage: openImage ?? (async () => image),
    containerId: 'c1',
    parameters: containerRequest({ jobId: 'job-1', fence: 1 }),
  };
  return { start, calls };
}

test('the content is laid over another container of the image, which is removed', async () => {
  const tar = await tarOf([{ name: 'run', body: '#!/bin/sh\r\n' }]);
  const { start, calls } = failedStart(async (id, path) =>
    id === 'looked-at' && path === '/run' ? Readable.from([tar]) : undefined,
  );

  expect((await explainStart(start, message)).message).toContain('Windows');
  expect(calls).toEqual(['content looked-at', 'remove']);
});

test.each([
  ['cannot be looked at', failedStart(() => Promise.reject(new EngineError('download', 'cut', '')))],
  [
    'is gone',
    failedStart(
      async () => undefined,
      () => {
        throw new EngineError('create', 'image_missing', '');
      },
    ),
  ],
])('an image that %s leaves a general sentence', async (_, { start }) => {
  const error = await explainStart(start, message);

  expect(error).toMatchObject({ reason: 'start_failed', code: 'command_not_found', exitCode: 127 });
  expect(error.message).toMatch(/no such program, or what it needs is missing/);
});

test('a cause that needs no look is told at once', async () => {
  const { start, calls } = failedStart(async () => undefined);

  expect((await explainStart(start, { command: '/run', reason: 'Text file busy' })).message).toContain(
    'open for writing',
  );
  expect(calls).toEqual([]);
});
