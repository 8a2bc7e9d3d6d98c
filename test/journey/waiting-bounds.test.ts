import { afterAll, expect, test } from 'vitest';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName } from './vault-operator.js';

const on = await startStintOnRig({ STINT_OWNER_WAITING: '1' });
const { client } = on;
afterAll(() => on[Symbol.asyncDispose]());

test('P16: a submit beyond what may wait is answered 429, and taken with the same credentials when there is room', async () => {
  const qname = uniqueName();
  const payload = { qname, container_image: image };
  const running = await client.submit({ ...payload, run: ['sh', '-c', 'echo begun; sleep 300'] });
  // Then its credentials are spent: it no longer waits.
  await expect.poll(async () => (await client.get(running)).output, { timeout: 30_000 }).toContain('begun');
  const waiting = await client.submit({ ...payload, run: ['true'] });
  const request = await client.prepare({ ...payload, run: ['true'] });
  const post = async () =>
    fetch(`${on.stint.url}/v1/api/job`, {
      method: 'POST',
      headers: { 'x-auth-token': await client.minimalToken() },
      body: JSON.stringify(request),
    });

  const refused = await post();
  await client.kill(waiting);
  const taken = await post();
  await client.kill(running);

  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
  expect(await refused.json()).toMatchObject({ error: expect.stringContaining('Nothing was spent.') });
  const { _id: id } = (await taken.json()) as { _id: string };
  expect(await client.wait(id)).toMatchObject({ status: 'success' });
});
