import { expect, test } from 'vitest';
import { EngineId } from '../../src/server/engine-id.js';

test('the last known id is kept while the engine is unavailable, but asking returns none', async () => {
  const answers = [{ id: 'engine-1' }, undefined, { id: '' }];
  const engine = new EngineId(async () => {
    const answer = answers.shift();
    if (answer === undefined) throw new Error('unavailable');
    return answer;
  });
  expect(engine.id).toBeUndefined();

  expect(await engine.ask()).toBe('engine-1');
  expect(await engine.ask()).toBeUndefined();
  expect(await engine.ask()).toBeUndefined();
  expect(engine.id).toBe('engine-1');
});
