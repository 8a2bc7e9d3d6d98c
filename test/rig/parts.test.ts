import { expect, test } from 'vitest';
import { pingEngine } from '../../rig/engine/docker.js';
import { openStore } from '../../src/store/store.js';
import { rigPart } from '../support/rig-part.js';

const engine = await rigPart('engine');

test('a test file reaches the engine that all test files share', async () => {
  const problem = await pingEngine(engine.dockerHost);

  expect(problem).toBeUndefined();
});

test('the process that starts the shared parts finds the PostgreSQL of the npm package', async () => {
  const { url } = await rigPart('npmPostgres');

  await expect(
    openStore(url, 'migrations').then((store) => store[Symbol.asyncDispose]()),
  ).resolves.toBeUndefined();
});
