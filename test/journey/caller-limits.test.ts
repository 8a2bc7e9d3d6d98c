import { afterAll, expect, test } from 'vitest';
import { startStintOnRig } from './stint-on-rig.js';

const on = await startStintOnRig({ STINT_CALLER_REQUESTS: '1', STINT_CALLER_WAITING: '0' });
afterAll(() => on[Symbol.asyncDispose]());

const token = await on.client.minimalToken();
const ask = async () => {
  const headers = { 'x-auth-token': token };
  const response = await fetch(`${on.stint.url}/v1/api/job`, { headers });
  await response.body?.cancel();
  return response.status;
};
const askAtOnce = async (amount: number) => await Promise.all(Array.from({ length: amount }, ask));

test('a caller has as many requests in work as the operator sets, and further ones are refused', async () => {
  await expect.poll(() => askAtOnce(20)).toContain(429);

  expect(await ask()).toBe(200);
});
