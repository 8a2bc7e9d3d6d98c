import { expect, test } from 'vitest';
import { BrokenError } from '../../src/job/errors.js';
import { recoverNode } from '../../src/queue/recovery.js';

const quiet = { info: () => undefined, error: () => undefined };

test('the containers of an earlier life are gone before its jobs are settled', async () => {
  const done: string[] = [];

  await recoverNode(
    {
      node: 'n1',
      log: quiet,
      removeContainers: async () => {
        done.push('containers');
        return 1;
      },
      store: {
        settleOwnJobs: async (node) => {
          done.push(`jobs of ${node}`);
          return [];
        },
      },
    },
    new AbortController().signal,
  );

  expect(done).toEqual(['containers', 'jobs of n1']);
});

test('while the engine is away no job is settled, and an end of the server ends the waiting', async () => {
  const stop = new AbortController();
  let settled = 0;
  let tries = 0;

  await recoverNode(
    {
      node: 'n1',
      log: quiet,
      removeContainers: async () => {
        tries++;
        stop.abort();
        throw new BrokenError('engine_unavailable', 'Could not reach the engine.');
      },
      store: {
        settleOwnJobs: async () => {
          settled++;
          return [];
        },
      },
    },
    stop.signal,
  );

  expect({ tries, settled }).toEqual({ tries: 1, settled: 0 });
});

test('an error of our own is not waited out', async () => {
  const store = { settleOwnJobs: async () => [] };
  const parts = {
    node: 'n1',
    log: quiet,
    removeContainers: () => Promise.reject(new TypeError('a bug')),
    store,
  };

  const recovery = recoverNode(parts, new AbortController().signal);

  await expect(recovery).rejects.toThrow(TypeError);
});
