import { expect, test } from 'vitest';
import { removeUntilGone } from '../../../src/docker/container/removal.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { fakeEngine } from '../../support/fake-engine.js';

/** Removes where the first calls fail with these. */
async function remove(id: string | undefined, ...failures: Error[]) {
  const asked: string[] = [];
  const reported: string[] = [];
  const engine = fakeEngine({
    remove: async (asking) => {
      asked.push(asking);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    },
  });
  await removeUntilGone({ engine, findId: async () => id, onFailure: (message) => reported.push(message) });
  return { asked, reported };
}

test('a removal that succeeds is requested once', async () => {
  expect(await remove('c1')).toEqual({ asked: ['c1'], reported: [] });
});

test('nothing is requested when there is nothing to remove', async () => {
  expect(await remove(undefined)).toEqual({ asked: [], reported: [] });
});

test('a removal that fails, or is already in progress, is tried again', async () => {
  const failures = [new EngineError('remove', 'being_removed', ''), new EngineError('remove', 'cut', '')];

  expect(await remove('c1', ...failures)).toEqual({ asked: ['c1', 'c1', 'c1'], reported: [] });
});

test('a container that is not there is removed', async () => {
  expect(await remove('c1', new EngineError('remove', 'container_missing', ''))).toEqual({
    asked: ['c1'],
    reported: [],
  });
});
