import { expect, test, vi } from 'vitest';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { rigPart } from '../support/rig-part.js';
import { image, type StintOnRig, startStintOnRig } from './stint-on-rig.js';
import { VaultOperator } from './vault-operator.js';

const operator = new VaultOperator(await rigPart('preparedVault'));

interface StintWithRole extends StintOnRig {
  readonly role: string;
}

/** A stint whose jobs log in with a role of these settings. */
async function startWithRole(settings: object): Promise<StintWithRole> {
  const { name, roleId } = await operator.makeRole({ token_policies: [roleNames.job], ...settings });
  const on = await startStintOnRig({ STINT_APPROLE_NAME: name, STINT_APPROLE_ID: roleId });
  return { ...on, role: name };
}

/** The request is in the clear, because there is no transit key of the role's name. */
async function post({ client, role }: StintWithRole, fields: object): Promise<string> {
  const wrap_secret_id = await operator.wrapSecretId(role);
  const { _id: id } = await client.post({ wrap_secret_id, container_image: image, ...fields });
  return id;
}

/** A job that prints its token backwards, which masking does not find, and then runs `script`. */
async function startGivingAway(on: StintWithRole, script: string) {
  const give = 'echo "backwards: $(sed -n "s/^TOKEN: //p" /secrets.yml | rev)"';
  const id = await post(on, { run: ['sh', '-c', `${give}; ${script}`] });
  const found = /backwards: (\S+)\n/;
  const { output } = await on.client.wait(id, 20_000, (job) => found.test(job.output));
  return { id, token: [...(found.exec(output)?.[1] ?? '')].toReversed().join('') };
}

test('a job that runs longer than its token lives can use it to its end, and then it is revoked', async () => {
  await using on = await startWithRole({ token_ttl: '2s', token_max_ttl: '1h' });
  const { id, token } = await startGivingAway(on, 'sleep 6; echo late; sleep 300');

  const first = await operator.lookUp(token);
  await on.client.wait(id, 20_000, ({ output }) => output.endsWith('late\n'));
  const late = await operator.lookUp(token);
  await on.client.kill(id);
  await on.client.wait(id);

  expect(first).toMatchObject({ creation_ttl: 2 });
  expect(late).toMatchObject({ accessor: first?.accessor });
  expect(await operator.lookUp(token)).toBeUndefined();
});

test('a job whose token cannot be kept alive runs to its end, and the log says what happened', async () => {
  await using on = await startWithRole({ token_ttl: '2s', token_explicit_max_ttl: '2s' });
  const { id, token } = await startGivingAway(on, 'sleep 5; echo late');

  const message = 'Could not renew the token of a job: Vault extends it no further.';
  await vi.waitFor(async () => {
    expect(await operator.lookUp(token)).toBeUndefined();
    expect(on.log()).toContain(message);
  }, 10_000);
  const meanwhile = await on.client.get(id);

  expect(meanwhile.status).toBe('running');
  expect(await on.client.wait(id)).toMatchObject({ status: 'success', return_code: 0 });
});

test('a token of few uses suffices for its secrets and its revocation', async () => {
  await using on = await startWithRole({ token_ttl: '20m', token_num_uses: 3 });
  const secret_refs = ['a@kv/data/demo/db.user', 'b@kv/data/demo/db.password', 'c@kv1/demo/app.greeting'];

  const id = await post(on, { secret_refs, run: ['grep', '-c', ':', '/secrets.yml'] });

  expect(await on.client.wait(id)).toMatchObject({ status: 'success' });
});

test('a token of too few uses is refused before any secret is read, with the number that is needed', async () => {
  await using on = await startWithRole({ token_ttl: '20m', token_num_uses: 2 });
  const secret_refs = ['a@kv/data/demo/db.user', 'c@kv1/demo/app.greeting'];

  const job = await on.client.wait(await post(on, { secret_refs, run: ['true'] }));

  expect(job.status).toBe('failed');
  expect(job.output).toContain('Raise its `token_num_uses` to 3 or more');
});

test('a role that gives batch tokens is refused, since those cannot be revoked', async () => {
  await using on = await startWithRole({ token_ttl: '20m', token_type: 'batch' });

  const job = await on.client.wait(await post(on, { run: ['true'] }));

  expect(job.status).toBe('notauthorised');
  expect(job.output).toContain('Set its `token_type` to `service`');
});
