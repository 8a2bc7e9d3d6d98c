import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ImageDiary } from '../../../src/queue/maintenance/pulled-images.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openDiary(engineId: string | undefined, failure?: Error) {
  const written: object[] = [];
  const logged: string[] = [];
  const write = async (what: object) => {
    written.push(what);
    if (failure !== undefined) throw failure;
  };
  const diary = new ImageDiary({
    store: { recordPull: write, touchImage: write },
    engineId: async () => engineId,
    log: { info: () => undefined, error: (message) => logged.push(message) },
  });
  return { diary, written, logged };
}

const pulled = { imageId: 'i1', reference: 'a:1', sizeBytes: 7, isNew: true };

test('a pull is written with the engine it was made at', async () => {
  const { diary, written } = openDiary('e1');

  await diary.pulled(pulled);

  expect(written).toEqual([{ engineId: 'e1', ...pulled }]);
});

test('the use of an image is written once a minute', async () => {
  const { diary, written } = openDiary('e1');

  await diary.used('i1');
  await diary.used('i1');
  await diary.used('i2');
  vi.advanceTimersByTime(60_000);
  await diary.used('i1');

  expect(written).toEqual(['i1', 'i2', 'i1'].map((imageId) => ({ engineId: 'e1', imageId })));
});

test('nothing is written while nobody knows which engine it is', async () => {
  const { diary, written } = openDiary(undefined);

  await diary.pulled(pulled);

  expect(written).toEqual([]);
});

test('what cannot be written fails no job', async () => {
  const { diary, logged } = openDiary('e1', new Error('away'));

  await diary.pulled(pulled);
  await diary.used('i1');

  expect(logged).toHaveLength(2);
});
