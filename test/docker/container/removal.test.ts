import { expect, test } from 'vitest';
import { removeUntilGone } from '../../../src/docker/container/removal.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { fakeEngine } from '../../support/fake-engine.js';

/** Removes where the first calls fail with these. */
async function remove(id: string | undefined, ...failures: Error[]) {
  const asked: string[] = [];
  const troubles: string[] = [];
  const engine = fakeEngine({
    remove: async (asking) => {
      asked.push(asking);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    },
  });
  await removeUntilGone({ engine, findId: async () => id, onFailure: (message) => troubles.push(message) });
  return { asked, troubles };
}

test('a removal that works is asked for once', async () => {
  expect(await remove('c1')).toEqual({ asked: ['c1'], troubles: [] });
});

test('nothing is asked where there is nothing to remove', async () => {
  expect(await remove(undefined)).toEqual({ asked: [], troubles: [] });
});

test('a removal that fails, or that is under way somewhere, is tried again', async () => {
  const failures = [new EngineError('remove', 'being_removed', ''), new EngineError('remove', 'cut', '')];

  expect(await remove('c1', ...failures)).toEqual({ asked: ['c1', 'c1', 'c1'], troubles: [] });
});

test('a container that is not there is removed', async () => {
  expect(await remove('c1', new EngineError('remove', 'container_missing', ''))).toEqual({
    asked: ['c1'],
    troubles: [],
  });
});
