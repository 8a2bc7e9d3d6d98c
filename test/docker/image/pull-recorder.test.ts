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

test('one that was pulled by its digest has no name but ours for it', async () => {
  expect(await bring([], [image('i1')])).toMatchObject({ reference: pulled.reference, isNew: true });
});

test('a new name of an image that was there is told as such', async () => {
  expect(await bring([image('i1', 'b:1')], [image('i1', 'b:1', 'a:1')])).toMatchObject({
    reference: 'a:1',
    isNew: false,
  });
});

test('a pull that changed nothing brought nothing', async () => {
  expect(await bring([image('i1', 'a:1')], [image('i1', 'a:1')])).toBeUndefined();
});

test('where the engine did not say what it had, nothing is ours', async () => {
  const away = fakeEngine({ listImages: () => Promise.reject(new Error('away')) });

  expect(await imagesBeforePull(away)).toBeUndefined();
  expect(await bring(undefined, [image('i1', 'a:1')])).toBeUndefined();
  expect(await imageAfterPull(away, [], pulled)).toBeUndefined();
});
