import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PulledImages } from '../../../src/queue/maintenance/pulled-images.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openPulledImages(engineId: string | undefined, failure?: Error) {
  const written: object[] = [];
  const logged: string[] = [];
  const write = async (what: object) => {
    written.push(what);
    if (failure !== undefined) throw failure;
  };
  const pulledImages = new PulledImages({
    store: { recordPull: write, touchImage: write },
    engineId: async () => engineId,
    log: { info: () => undefined, error: (message) => logged.push(message) },
  });
  return { pulledImages, written, logged };
}

const pulled = { imageId: 'i1', reference: 'a:1', sizeBytes: 7, isNew: true };

test('a pull is written with the engine it was made at', async () => {
  const { pulledImages, written } = openPulledImages('e1');

  await pulledImages.pulled(pulled);

  expect(written).toEqual([{ engineId: 'e1', ...pulled }]);
});

test('the use of an image is written once a minute', async () => {
  const { pulledImages, written } = openPulledImages('e1');

  await pulledImages.used('i1');
  await pulledImages.used('i1');
  await pulledImages.used('i2');
  vi.advanceTimersByTime(60_000);
  await pulledImages.used('i1');

  expect(written).toEqual(['i1', 'i2', 'i1'].map((imageId) => ({ engineId: 'e1', imageId })));
});

test('nothing is written while nobody knows which engine it is', async () => {
  const { pulledImages, written } = openPulledImages(undefined);

  await pulledImages.pulled(pulled);

  expect(written).toEqual([]);
});

test('what cannot be written fails no job', async () => {
  const { pulledImages, logged } = openPulledImages('e1', new Error('unavailable'));

  await pulledImages.pulled(pulled);
  await pulledImages.used('i1');

  expect(logged).toHaveLength(2);
});
