import { expect, test } from 'vitest';
import { EngineId } from '../../src/server/engine-id.js';

test('an engine keeps the id it was known by while it is away, but is not taken for the one that answers', async () => {
  const answers = [{ id: 'engine-1' }, undefined, { id: '' }];
  const engine = new EngineId(async () => {
    const answer = answers.shift();
    if (answer === undefined) throw new Error('away');
    return answer;
  });
  expect(engine.id).toBeUndefined();

  expect(await engine.ask()).toBe('engine-1');
  expect(await engine.ask()).toBeUndefined();
  expect(await engine.ask()).toBeUndefined();
  expect(engine.id).toBe('engine-1');
});
