import { expect, test } from 'vitest';
import type { Reach } from '../../../src/job/owner.js';
import { createTestApp } from '../../support/test-app.js';

const body = (qname: string) =>
  JSON.stringify({ qname, container_image: 'busybox', run: ['true'], wrap_secret_id: 's.wrap' });

/** The app, and the reach that each submit was told. */
function appWith(submitNeedsRight: boolean) {
  const app = createTestApp({ submitNeedsRight });
  const told: (Reach | undefined)[] = [];
  const submit = app.queue.submit.bind(app.queue);
  app.queue.submit = async (request, key, reach?: Reach) => {
    told.push(reach);
    return submit(request, key);
  };
  const post = (qname: string, token: string) =>
    app.app.request('/v1/api/job', { method: 'POST', body: body(qname), headers: { 'x-auth-token': token } });
  return { ...app, told, post };
}

test('by default every token may submit, Vault is not asked, and nothing is told of the jobs of others', async () => {
  const { post, asked, told } = appWith(false);

  expect((await post('demo', 's.token2')).status).toBe(200);

  expect(asked).toEqual([]);
  expect(told).toEqual([{ everyone: false, ownerKey: 'entity:e2', rights: undefined }]);
});

test('where it needs a right, one without is refused before anything is spent, and told which right', async () => {
  const { post, queue } = appWith(true);

  const answer = await post('two/words', 's.token2');

  expect(answer.status).toBe(403);
  expect(await answer.text()).toContain('`create` on \\"stint/queues/two%2Fwords/jobs\\"');
  expect(queue.submitted).toEqual([]);
});

test('one with the right submits by one question, and is told of others in the queue if it may see them', async () => {
  const { post, asked, told } = appWith(true);

  expect((await post('demo', 's.lead')).status).toBe(200);

  expect(asked).toEqual([['stint/operator/jobs', 'stint/queues/demo/jobs']]);
  expect(told).toEqual([{ everyone: true }]);
});

test('an operator may not submit for being one', async () => {
  const { post } = appWith(true);

  expect((await post('demo', 's.operator')).status).toBe(403);
  expect((await post('demo', 's.right')).status).toBe(403);
});

test('the runs of a sweep need the right in the queue that they run in', async () => {
  const { app } = createTestApp({
    submitNeedsRight: true,
    runai: { projects: undefined, serialProjects: true },
  });
  const submit = (project: string) =>
    app.request('/api/job', {
      method: 'POST',
      headers: { 'x-auth-token': 's.lead' },
      body: JSON.stringify({ job: { project, image: 'busybox', name: 'n', completions: 3, parallelism: 1 } }),
    });

  expect((await submit('demo')).status).toBe(200);
  expect((await submit('other')).status).toBe(403);
});
