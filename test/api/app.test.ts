import { describe, expect, test } from 'vitest';
import { createTestApp } from '../support/test-app.js';

describe('a door that is switched off', () => {
  test('takes no jobs: its paths are unknown, in the form of the door that answers everywhere', async () => {
    const { queue, send } = createTestApp({ doors: [] });

    const response = await send('POST', '/v1/api/job', '{"wrap_secret_id":"s.wrap"}');

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ status: 'Not Found.' });
    expect(queue.submitted).toEqual([]);
  });

  test('leaves the routes of stint itself', async () => {
    const { send } = createTestApp({ doors: [] });

    expect((await send('GET', '/healthz')).status).toBe(200);
    expect((await send('GET', '/stint/v1/openapi.json')).status).toBe(200);
  });
});
