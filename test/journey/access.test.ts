import { afterAll, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { image, type StintOnRig, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const on = await startStintOnRig();
afterAll(() => on[Symbol.asyncDispose]());

const operator = new VaultOperator(on.vault);

/** A client with the usual permissions that is another entity to Vault. */
async function someoneElse(stint: StintOnRig = on): Promise<GostintClient> {
  const role = await operator.makeRole({ token_policies: [roleNames.client] });
  const login = { roleId: role.roleId, secretId: await operator.makeSecretId(role.name) };
  return stint.newClient(await GostintClient.logIn(on.vault.address, login));
}

/** A client whose token was not made by a login, so that it belongs to no entity. */
async function nobody(): Promise<GostintClient> {
  const { auth } = await operator.write('auth/token/create', { policies: [roleNames.client] });
  return on.newClient(auth.client_token);
}

/** The id of a running job of the first client's, and its queue. */
async function startJob(stint: StintOnRig = on): Promise<{ id: string; qname: string }> {
  const qname = uniqueName();
  const run = ['sh', '-c', 'echo begun; sleep 300'];
  const id = await stint.client.submit({ qname, container_image: image, run });
  await stint.client.wait(id, 20_000, ({ output }) => output !== '');
  return { id, qname };
}

async function endJob(id: string, client = on.client): Promise<void> {
  await client.kill(id);
  await client.wait(id);
}

const missing = { status: 404, body: { status: 'Not Found.', error: 'not found' } };

test.each([
  ['GET', (id: string) => `/v1/api/job/${id}`],
  ['POST', (id: string) => `/v1/api/job/kill/${id}`],
  ['DELETE', (id: string) => `/v1/api/job/${id}`],
] as const)('to another person a job looks like a missing one (%s)', async (method, pathOf) => {
  const { id } = await startJob();
  const other = await someoneElse();

  await expect(other.stint(method, pathOf(id))).rejects.toMatchObject(missing);
  await expect(other.stint(method, pathOf('0'.repeat(24)))).rejects.toMatchObject(missing);

  expect(await on.client.get(id)).toMatchObject({ status: 'running', kill_requested: false });
  await endJob(id);
});

test('a list holds and counts the jobs of its reader alone', async () => {
  const { id, qname } = await startJob();
  const other = await someoneElse();

  expect(await other.stint('GET', `/v1/api/job?qname=${qname}`)).toMatchObject({ data: [], total: 0 });
  expect(await on.client.stint('GET', `/v1/api/job?qname=${qname}`)).toMatchObject({ total: 1 });
  await endJob(id);
});

test('jobs of two people in one queue run one after the other all the same', async () => {
  const { id, qname } = await startJob();
  const other = await someoneElse();

  const second = await other.submit({ qname, container_image: image, run: ['echo', 'second'] });
  const meanwhile = await other.get(second);
  await endJob(id);

  expect(meanwhile.status).toBe('queued');
  expect(await other.wait(second)).toMatchObject({ status: 'success', output: 'second\n' });
});

test('the same person sees, kills and deletes the job with a new token', async () => {
  const { id } = await startJob();
  const again = await on.newClient();

  expect(await again.minimalToken()).not.toBe(await on.client.minimalToken());
  expect(await again.get(id)).toMatchObject({ status: 'running' });
  await endJob(id, again);
  expect(await again.stint('DELETE', `/v1/api/job/${id}`)).toEqual({ _id: id });
});

test('two tokens that belong to no entity are two people', async () => {
  const [first, second] = [await nobody(), await nobody()];
  const id = await first.submit({ container_image: image, run: ['true'] });

  expect(await first.wait(id)).toMatchObject({ status: 'success' });
  await expect(second.get(id)).rejects.toMatchObject(missing);
});

test('with shared access everybody sees, kills and deletes every job', async () => {
  await using shared = await startStintOnRig({ STINT_ACCESS: 'shared' });
  const { id, qname } = await startJob(shared);
  const other = await someoneElse(shared);

  expect(await other.get(id)).toMatchObject({ _id: id, status: 'running' });
  expect(await other.stint('GET', `/v1/api/job?qname=${qname}`)).toMatchObject({ total: 1 });
  await endJob(id, other);
  expect(await other.stint('DELETE', `/v1/api/job/${id}`)).toEqual({ _id: id });
  await expect(shared.client.get(id)).rejects.toMatchObject(missing);
});

test('a request without a token is refused, and so is a revoked token', async () => {
  const path = `${on.stint.url}/v1/api/job/${'0'.repeat(24)}`;
  const client = await on.newClient();
  const token = await client.minimalToken();
  await operator.write('auth/token/revoke', { token });

  const bare = await fetch(path);
  expect(bare.status).toBe(400);
  expect(await bare.json()).toMatchObject({
    status: 'Invalid request.',
    error: expect.stringContaining('Missing X-Auth-Token'),
  });
  await expect(client.get('0'.repeat(24))).rejects.toMatchObject({
    status: 403,
    body: { status: 'Permission Denied.' },
  });
});
