import { expect, test } from 'vitest';
import { pingEngine } from '../../rig/docker.js';
import { rigPart } from '../support/rig-part.js';

const engine = await rigPart('engine');

test('a test file reaches the engine that the whole run shares', async () => {
  const problem = await pingEngine(engine.dockerHost);

  expect(problem).toBeUndefined();
});
