import { afterAll, expect, test } from 'vitest';
import { image, startStintOnRig } from './stint-on-rig.js';

const on = await startStintOnRig();
afterAll(() => on[Symbol.asyncDispose]());

test('a job runs in its container with its secrets, and its result is there to be read', async () => {
  const id = await on.client.submit({
    qname: 'First Job',
    container_image: image,
    run: ['sh', '-c', 'id; cat /secrets.yml; echo oops >&2; exit 3'],
    secret_refs: ['password@kv/data/demo/db.password'],
  });
  const job = await on.client.wait(id);
  expect(job).toMatchObject({ status: 'failed', return_code: 3, qname: 'first job' });
});
