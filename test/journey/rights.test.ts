import { afterAll, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { image, type StintOnRig, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const on = await startStintOnRig();
afterAll(() => on[Symbol.asyncDispose]());
const admin = new VaultOperator(on.vault);

/** A token with these policies of `vault-dev/policies`, or of this test. */
async function tokenWith(...policies: string[]): Promise<string> {
  return (await admin.write('auth/token/create', { policies })).auth.client_token;
}

async function newPolicy(rules: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const name = uniqueName();
  await changePolicy(name, rules);
  return name;
}

async function changePolicy(name: string, rules: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const paths = Object.entries(rules).map(
    ([path, rights]) => `path "${path}" { capabilities = ${JSON.stringify(rights)} }`,
  );
  await admin.write(`sys/policies/acl/${name}`, { policy: paths.join('\n') });
}

async function ask(
  token: string,
  method: string,
  path: string,
  { body, to = on }: { body?: object; to?: StintOnRig } = {},
) {
  const response = await fetch(`${to.stint.url}${path}`, {
    method,
    headers: { 'x-auth-token': token },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, answer };
}

async function startJob(qname = uniqueName()): Promise<{ id: string; qname: string }> {
  const id = await on.client.submit({
    qname,
    container_image: image,
    run: ['sh', '-c', 'echo begun; sleep 300'],
  });
  await on.client.wait(id, 20_000, ({ output }) => output.includes('begun'));
  return { id, qname };
}

const jobOf = (id: string) => `/v1/api/job/${id}`;
const killOf = (id: string) => `/v1/api/job/kill/${id}`;

test('an auditor sees every job, queue and node at once, and changes nothing', async () => {
  const { id, qname } = await startJob();
  const auditor = await tokenWith('default', 'stint-auditor');

  expect(await ask(auditor, 'GET', jobOf(id))).toMatchObject({ status: 200, answer: { output: 'begun\n' } });
  expect((await ask(auditor, 'GET', `/v1/api/job?qname=${qname}`)).answer).toMatchObject({ total: 1 });
  expect(JSON.stringify((await ask(auditor, 'GET', '/v1/api/job')).answer)).toContain(id);
  expect((await ask(auditor, 'GET', `/stint/v1/jobs/${id}`)).answer).toMatchObject({ id, state: 'running' });
  expect((await ask(auditor, 'GET', '/stint/v1/queues')).status).toBe(200);
  expect((await ask(auditor, 'GET', '/stint/v1/reaper')).status).toBe(200);

  const reason = { body: { reason: 'curious' } };
  const refusals = await Promise.all([
    ask(auditor, 'POST', killOf(id)),
    ask(auditor, 'DELETE', jobOf(id)),
    ask(auditor, 'POST', `/stint/v1/jobs/${id}/kill`, reason),
    ask(auditor, 'POST', `/stint/v1/queues/${qname}/pause`, reason),
    ask(auditor, 'POST', '/stint/v1/reaper'),
  ]);
  expect(refusals.map(({ status }) => status)).toEqual([404, 404, 403, 403, 403]);
  expect(await on.client.get(id)).toMatchObject({ status: 'running', kill_requested: false });
  await on.client.kill(id);
  await on.client.wait(id);
});

test('an operator by its policy in Vault alone kills and pauses', async () => {
  const { id, qname } = await startJob();
  const operator = await tokenWith('default', 'stint-operator');

  expect(
    (await ask(operator, 'POST', `/stint/v1/queues/${qname}/pause`, { body: { reason: 'x' } })).status,
  ).toBe(200);
  expect((await ask(operator, 'POST', `/stint/v1/queues/${qname}/resume`)).status).toBe(200);
  expect((await ask(operator, 'POST', killOf(id))).status).toBe(200);

  expect(await on.client.wait(id)).toMatchObject({ status: 'failed' });
});

test('rights in a queue are rights there and nowhere else, and end when the policy does', async () => {
  const odd = `${uniqueName()}/a b`;
  const { id } = await startJob(odd);
  const elsewhere = await startJob();
  const path = `stint/queues/${encodeURIComponent(odd)}/jobs`;
  const policy = await newPolicy({ [path]: ['read', 'list', 'update'], 'stint/queues': ['list'] });
  const lead = await tokenWith('default', policy);

  expect((await ask(lead, 'GET', jobOf(id))).status).toBe(200);
  const listed = JSON.stringify((await ask(lead, 'GET', '/v1/api/job')).answer);
  expect([listed.includes(id), listed.includes(elsewhere.id)]).toEqual([true, false]);
  expect((await ask(lead, 'POST', killOf(elsewhere.id))).status).toBe(404);
  expect((await ask(lead, 'POST', killOf(id))).status).toBe(200);
  await on.client.wait(id);
  expect((await ask(lead, 'DELETE', jobOf(id))).status).toBe(404);

  await changePolicy(policy, { [path]: ['deny'] });
  await expect.poll(async () => (await ask(lead, 'GET', jobOf(id))).status, { timeout: 10_000 }).toBe(404);
  await on.client.kill(elsewhere.id);
  await on.client.wait(elsewhere.id);
});

test('V8: a request for what is somebody else’s costs two uses, of which the second must not be the last', async () => {
  const { id } = await startJob();
  const policy = await newPolicy({ 'stint/operator/jobs': ['read'] });
  const made = await admin.write('auth/token/create', { policies: ['default', policy], num_uses: 3 });
  const token = made.auth.client_token;

  expect((await ask(token, 'GET', jobOf(id))).status).toBe(200);
  expect(
    await admin.ask('GET', `auth/token/lookup-self`, { headers: { 'X-Vault-Token': token } }),
  ).toMatchObject({
    status: 200, // The third use, which is the last.
  });
  await on.client.kill(id);
  await on.client.wait(id);
});

test('where submitting needs a right, the entity of a client may bring it: its bare token has none', async () => {
  await using strict = await startStintOnRig({ STINT_SUBMIT_NEEDS_RIGHT: 'true' });
  const qname = uniqueName();
  const role = await admin.makeRole({ token_policies: [roleNames.client] });
  const login = { roleId: role.roleId, secretId: await admin.makeSecretId(role.name) };
  const token = await GostintClient.logIn(on.vault.address, login);
  const client = await strict.newClient(token);
  const job = { qname, container_image: image, run: ['true'] };

  await expect(client.submit(job)).rejects.toMatchObject({
    status: 403,
    body: { error: expect.stringContaining(`stint/queues/${qname}/jobs`) },
  });

  const entity = String((await admin.lookUp(token))?.entity_id);
  const policy = await newPolicy({ [`stint/queues/${qname}/jobs`]: ['create'] });
  await admin.write(`identity/entity/id/${entity}`, { policies: [policy] });
  const ids: string[] = []; // An answer of Vault counts for three seconds.
  await expect
    .poll(
      async () =>
        ids.push(
          ...(await client.submit(job).then(
            (id) => [id],
            () => [],
          )),
        ),
      { interval: 500 },
    )
    .toBe(1);
  expect(await client.wait(ids[0] ?? '')).toMatchObject({ status: 'success' });
  await expect(client.submit({ ...job, qname: `${qname}-other` })).rejects.toMatchObject({ status: 403 });
});
