import { describe, expect, test } from 'vitest';
import { createTestApp } from '../support/test-app.js';

const inner = '169.254.169.254/latest/meta-data';
const stage = {
  worker: { image: inner, input: { type: 'single' } },
  input_map: { a: 'init_source' },
};

/** A submit at each door, which names an image, and how the door calls that. */
const submits = {
  gostint: ['POST', '/v1/api/job', { wrap_secret_id: 's.w', container_image: inner }, 'container_image'],
  jobproxy: [
    'POST',
    '/v1/jobproxy/submit',
    { user: 'ines', cmd: ['true'], container: { image: inner } },
    'container.image',
  ],
  runai: ['POST', '/api/v1/job', { job: { project: 'vision', image: inner } }, 'image'],
  gaffer: ['POST', '/jobs/team', { name: 'web', cmd: 'httpd', image: inner }, 'image'],
  lopco: ['PUT', '/pipeline-registry/pipelines/p1', { stages: [stage] }, 'worker.image of stage'],
} as const;

describe.each(Object.entries(submits))('at the door %s', (_, [method, path, body, field]) => {
  const submit = async (tested: ReturnType<typeof createTestApp>) =>
    await tested.app.request(path, {
      method,
      headers: { 'x-vault-token': 's.token1', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  test('an image that the operator does not allow is refused by name, and nothing is stored', async () => {
    const tested = createTestApp();

    const response = await submit(tested);

    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    // LOPCO's clients get no reason: it is in the log.
    const text = `${await response.text()}${JSON.stringify(tested.log)}`;
    expect(text).toContain('STINT_ALLOW_IMAGES');
    expect(text).toContain(field);
    expect(tested.queue.submitted).toEqual([]);
  });
});
