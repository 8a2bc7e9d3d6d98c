import { describe, expect, test } from 'vitest';
import { createLopcoApp, newJob } from './lopco/lopco-app.js';

const wrap = { wrap_secret_id: 's.wrap' };

/** A submit at each door. */
const submits = {
  gostint: ['/v1/api/job', (more: object) => ({ container_image: 'busybox', ...more })],
  jobproxy: [
    '/v1/jobproxy/submit',
    (more: object) => ({ user: 'ines', container: { image: 'busybox' }, ...more }),
  ],
  runai: ['/api/v1/job', (more: object) => ({ job: { project: 'vision', image: 'busybox', ...more } })],
  gaffer: [
    '/jobs/team',
    (more: object) => ({ name: 'web', cmd: 'httpd', image: 'busybox', graceful_timeout: 0, ...more }),
  ],
  lopco: ['/job-manager/jobs', (more: object) => ({ ...newJob, ...more })],
} as const;

describe.each(Object.entries(submits))('at the door %s `registry_ref`', (_, [path, body]) => {
  async function submit(fields: object) {
    const tested = createLopcoApp(); // Its operator allows what workers of LOPCO need.
    const response = await tested.app.request(path, {
      method: 'POST',
      headers: { 'x-vault-token': 's.token1', 'content-type': 'application/json' },
      body: JSON.stringify(body(fields)),
    });
    const text = `${await response.text()}${JSON.stringify(tested.log)}`;
    return { queue: tested.queue, status: response.status, text };
  }

  test('is what the job pulls its image with', async () => {
    const { queue, status, text } = await submit({ ...wrap, registry_ref: 'kv/data/registry' });

    expect(`${JSON.stringify(queue.submitted)} ${status} ${text}`).toContain(
      '"registryRef":"kv/data/registry"',
    );
  });

  test.each(['NAME@kv/data/registry.key', 'kv/../sys', 'kv/data/a b', '//'])(
    'is refused by name where it is no path: %j',
    async (registry_ref) => {
      const { queue, status, text } = await submit({ ...wrap, registry_ref });

      expect(status).toBe(400);
      expect(text).toContain('registry_ref');
      expect(queue.submitted).toEqual([]);
    },
  );

  test('needs a wrapping token', async () => {
    const { queue, status, text } = await submit({ registry_ref: 'kv/data/registry' });

    expect(status).toBe(400);
    expect(text).toMatch(/wrap_secret_id|wrapping token/i);
    expect(queue.submitted).toEqual([]);
  });
});
