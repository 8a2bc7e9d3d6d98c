import { expect, test } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import { type RecoveryParts, recoverNode } from '../../../src/queue/takeover/recovery.js';
import type { AdoptedRow } from '../../../src/store/jobs/adopt.js';

const quiet = { info: () => undefined, error: () => undefined };
const still = new AbortController().signal;

const adopted: AdoptedRow = {
  id: 'a1',
  fence: '9',
  oldFence: '3',
  containerFence: '3',
  queue: 'q',
  door: 'gostint',
  parent: null,
  ownerKey: 'entity:ann',
  killRequested: false,
  tokenAccessor: null,
  sharesLogin: false,
  options: null,
};

/** What recovery did, in order. */
function stage(changes: Partial<RecoveryParts> = {}) {
  const done: string[] = [];
  const parts: RecoveryParts = {
    node: 'n1',
    leaseMs: 30,
    log: quiet,
    removeContainers: async (keep) => {
      done.push(`containers but ${['a1', 'b1'].filter(keep)}`);
      return 1;
    },
    store: {
      adoptOwnJobs: async (node) => {
        done.push(`adopted of ${node}`);
        return [adopted];
      },
      extendLeases: async (claims) => {
        done.push(`extended ${claims.map(({ fence }) => fence)}`);
        return [];
      },
      settleOwnJobs: async (node, known = []) => {
        done.push(`settled of ${node} but ${known.map(({ fence }) => fence)}`);
        return [];
      },
    },
    ...changes,
  };
  return { done, parts };
}

test('what may run is adopted first, then all other containers go, and only then are the other jobs settled', async () => {
  const { done, parts } = stage();

  expect(await recoverNode(parts, still)).toEqual([adopted]);

  expect(done).toEqual(['adopted of n1', 'containers but a1', 'settled of n1 but 9']);
});

test('while the engine is unavailable no job is settled, and what is adopted stays ours', async () => {
  let isUnavailable = true;
  const { done, parts } = stage({
    removeContainers: async () => {
      if (!isUnavailable) return 0;
      isUnavailable = false;
      throw new BrokenError('engine_unavailable', 'Could not reach the engine.');
    },
  });

  expect(await recoverNode(parts, still)).toEqual([adopted]);

  expect(done).toEqual(['adopted of n1', 'extended 9', 'settled of n1 but 9']);
});

test('an end of the server ends the waiting for an engine', async () => {
  const stop = new AbortController();
  const { done, parts } = stage({
    removeContainers: async () => {
      stop.abort();
      throw new BrokenError('engine_unavailable', 'Could not reach the engine.');
    },
  });

  expect(await recoverNode(parts, stop.signal)).toEqual([]);

  expect(done).toEqual(['adopted of n1']);
});

test('an internal error is not retried', async () => {
  const { parts } = stage({ removeContainers: () => Promise.reject(new TypeError('a bug')) });

  await expect(recoverNode(parts, still)).rejects.toThrow(TypeError);
});
