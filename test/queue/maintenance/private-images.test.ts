import { expect, test } from 'vitest';
import { PrivateImages } from '../../../src/queue/maintenance/private-images.js';

function open(engineId: string | undefined) {
  const written: unknown[] = [];
  const store = {
    recordPrivateImages: async (images: unknown) => void written.push(images),
    arePrivateImages: async () => true,
  };
  return { images: new PrivateImages({ store, engineId: async () => engineId }), written };
}

test('an image that comes with a login is recorded for the engine', async () => {
  const { images, written } = open('engine-1');

  await images.add('r/a@sha256:1');

  expect(written).toEqual([{ engineId: 'engine-1', names: ['r/a@sha256:1'] }]);
  expect(await images.has(['r/a@sha256:1'])).toBe(true);
});

test('nothing is said or recorded of an engine that does not answer: the job waits', async () => {
  const { images, written } = open(undefined);
  const waits = { code: 'engine_unavailable', retryable: true };

  await expect(images.has(['r/a@sha256:1'])).rejects.toMatchObject(waits);
  await expect(images.add('r/a@sha256:1')).rejects.toMatchObject(waits);
  expect(written).toEqual([]);
});
