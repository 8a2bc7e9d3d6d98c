import { expect, test } from 'vitest';
import type { ListedImage } from '../../../src/docker/engine/engine.js';
import { imageAfterPull, imagesBeforePull } from '../../../src/docker/image/pull-recorder.js';
import { fakeEngine } from '../../support/fake-engine.js';

const pulled = { imageId: 'i1', reference: 'docker.io/library/a:1' };

function image(id: string, ...names: string[]): ListedImage {
  return { id, names, sizeBytes: 7 };
}

async function bring(before: ListedImage[] | undefined, after: ListedImage[]) {
  return imageAfterPull(fakeEngine({ listImages: async () => after }), before, pulled);
}

test('an image that was not there is new, under the name that the engine gives it', async () => {
  expect(await bring([image('i0', 'a:1')], [image('i0'), image('i1', 'a:1')])).toEqual({
    imageId: 'i1',
    reference: 'a:1',
    sizeBytes: 7,
    isNew: true,
  });
});

test('an image that was pulled by digest is recorded under our reference', async () => {
  expect(await bring([], [image('i1')])).toMatchObject({ reference: pulled.reference, isNew: true });
});

test('a new name of an existing image is recorded as such', async () => {
  expect(await bring([image('i1', 'b:1')], [image('i1', 'b:1', 'a:1')])).toMatchObject({
    reference: 'a:1',
    isNew: false,
  });
});

test('a pull that changed nothing adds no name', async () => {
  expect(await bring([image('i1', 'a:1')], [image('i1', 'a:1')])).toBeUndefined();
});

test('when the engine does not list its images, nothing counts as ours', async () => {
  const unavailable = fakeEngine({ listImages: () => Promise.reject(new Error('unavailable')) });

  expect(await imagesBeforePull(unavailable)).toBeUndefined();
  expect(await bring(undefined, [image('i1', 'a:1')])).toBeUndefined();
  expect(await imageAfterPull(unavailable, [], pulled)).toBeUndefined();
});
