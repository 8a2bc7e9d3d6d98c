import { afterAll, expect, test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store } = database;
afterAll(() => database[Symbol.asyncDispose]());

test('images that came with a login are known by engine and name, and of several all must be among them', async () => {
  const engineId = 'engine-1';
  await store.recordPrivateImages({ engineId, names: ['r/a@sha256:1', 'r/b@sha256:1'] });
  await store.recordPrivateImages({ engineId, names: ['r/a@sha256:1'] });

  const areKnown = (names: string[], at = engineId) => store.arePrivateImages({ engineId: at, names });
  expect(await areKnown(['r/a@sha256:1'])).toBe(true);
  expect(await areKnown(['r/a@sha256:1', 'r/b@sha256:1', 'r/a@sha256:1'])).toBe(true);
  expect(await areKnown(['r/a@sha256:1', 'r/c@sha256:1'])).toBe(false);
  expect(await areKnown(['r/a@sha256:2'])).toBe(false);
  expect(await areKnown(['r/a@sha256:1'], 'engine-2')).toBe(false);
});
