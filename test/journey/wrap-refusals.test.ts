import { afterAll, afterEach, expect, test, vi } from 'vitest';
import type { AnsweredJob } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { holding } from './holding.js';
import { startSlowRegistry } from './slow-registry.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const slow = await startSlowRegistry();
const on = await startStintOnRig({
  DOCKER_HOST: slow.dockerHost,
  STINT_ALLOW_IMAGES: `public,${slow.registry.host}/**`,
});
const { client } = on;
afterEach(() => slow.resume());
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await slow[Symbol.asyncDispose]();
});

const operator = new VaultOperator(on.vault);
const ourPath = `auth/approle/role/${roleNames.job}/secret-id`;
const alert = 'POSSIBLE SECURITY/INTERCEPTION ALERT';

async function runWith(wrap: string, by = client): Promise<AnsweredJob> {
  const { _id } = await by.post({ wrap_secret_id: wrap, container_image: image, run: ['echo', 'ran'] });
  return by.wait(_id);
}

/** A job that has looked its wrapping token up and waits for its image: the registry hangs until `resume`. */
async function startPull(wrap: string, name: string): Promise<string> {
  const reference = await slow.publish(name);
  slow.registry.suspend();
  const { _id } = await client.post({ wrap_secret_id: wrap, container_image: reference, run: ['true'] });
  await vi.waitFor(async () => expect(await slow.isAsked()).toBe(true), 10_000);
  return _id;
}

async function wrapGenerically(content: object): Promise<string> {
  const answer = await operator.write('sys/wrapping/wrap', content, { 'X-Vault-Wrap-TTL': '60' });
  return answer.wrap_info.token;
}

function unwrap(wrap: string) {
  return operator.ask('POST', 'sys/wrapping/unwrap', { headers: { 'X-Vault-Token': wrap } });
}

async function isWhole(wrap: string): Promise<boolean> {
  const { status } = await operator.ask('POST', 'sys/wrapping/lookup', { body: { token: wrap } });
  return status === 200;
}

function refusal(...texts: readonly string[]): object {
  return { status: 'notauthorised', return_code: 125, kill_requested: false, output: holding(...texts) };
}

test('V1: a wrapping token that Vault never knew is refused, before there is a container', async () => {
  const job = await runWith('hvs.CAESINobodyMadeThisOne');

  expect(job).toMatchObject(
    refusal('Vault does not know it, so it expired, was used already, or never existed', alert),
  );
  expect(job.container_id).toBe('');
});

test('V1: a wrapping token that was opened before the submit is refused, with an alarm', async () => {
  const wrap = await client.wrapSecretId();
  await unwrap(wrap);

  expect(await runWith(wrap)).toMatchObject(refusal('was used already', alert));
});

test('V1: a wrapping token that somebody opens while the job is prepared is reported as used, not as unknown', async () => {
  const wrap = await client.wrapSecretId();
  const id = await startPull(wrap, 'stolen:1');

  await unwrap(wrap);
  slow.resume();

  expect(await client.wait(id)).toMatchObject(
    refusal('it has been used before its time', alert, 'audit log'),
  );
  const alarm = { jobId: id, code: 'wrap_used', alarm: true, level: 'error' };
  expect(
    on
      .log()
      .split('\n')
      .filter(Boolean)
      .map((line): unknown => JSON.parse(line)),
  ).toContainEqual(expect.objectContaining(alarm));
  expect(await client.stint('GET', '/v1/api/metrics')).toContain('stint_alarms_total{code="wrap_used"} 1');
  const detail = await client.stint('GET', `/stint/v1/jobs/${id}`);
  expect(detail).toMatchObject({
    events: expect.arrayContaining([expect.objectContaining({ kind: 'alarm' })]),
  });
});

test('V1: a wrapping token that expires while the job is prepared is reported as expired', async () => {
  const wrap = await client.wrapSecretId('2s');
  const id = await startPull(wrap, 'slow:1');

  await vi.waitFor(async () => expect(await isWhole(wrap)).toBe(false), 10_000);
  slow.resume();

  expect(await client.wait(id)).toMatchObject(refusal('it expired at 20', 'more time (`X-Vault-Wrap-TTL`)'));
});

/** Submits a job with this wrapping token behind a running one, and calls `meanwhile` before its turn comes. */
async function runLater(wrap: string, meanwhile: () => Promise<unknown>): Promise<AnsweredJob> {
  const qname = uniqueName();
  const running = await client.submit({ qname, container_image: image, run: ['sleep', '300'] });
  const { _id: id } = await client.post({
    qname,
    wrap_secret_id: wrap,
    container_image: image,
    run: ['true'],
  });
  await meanwhile();
  await client.kill(running);
  return client.wait(id);
}

test('V1: a wrapping token that somebody opens while the job waits is reported as used', async () => {
  const wrap = await client.wrapSecretId();

  const job = await runLater(wrap, () => unwrap(wrap));

  expect(job).toMatchObject(refusal('it has been used before its time', alert));
});

test('V1: a wrapping token that expires while the job waits is reported as expired', async () => {
  const wrap = await client.wrapSecretId('2s');

  const job = await runLater(wrap, () =>
    vi.waitFor(async () => expect(await isWhole(wrap)).toBe(false), 10_000),
  );

  expect(job).toMatchObject(refusal('expired at 20', 'more time (`X-Vault-Wrap-TTL`)'));
});

test('V2: a wrapping token of another role is refused by its path, and not opened', async () => {
  const other = await operator.makeRole({ token_policies: ['default'] });
  const path = `auth/approle/role/${other.name}/secret-id`;
  const wrap = await operator.wrapSecretId(other.name);

  const job = await runWith(wrap);

  expect(job).toMatchObject(
    refusal(`created by \`${path}\``, `only \`${ourPath}\` is accepted`, 'was not opened', alert),
  );
  expect(await isWhole(wrap)).toBe(true);
});

test('V2: a SecretID that was wrapped in a second step is refused, and the refusal names the setting', async () => {
  const wrap = await wrapGenerically({ secret_id: await operator.makeSecretId(roleNames.job) });

  expect(await runWith(wrap)).toMatchObject(
    refusal('`sys/wrapping/wrap`', alert, 'set STINT_ACCEPT_REWRAPPED=true'),
  );
  expect(await isWhole(wrap)).toBe(true);
});

test('with that setting, a SecretID that was wrapped in a second step is accepted', async () => {
  await using lenient = await startStintOnRig({ STINT_ACCEPT_REWRAPPED: 'true' });
  const wrap = await wrapGenerically({ secret_id: await operator.makeSecretId(roleNames.job) });

  expect(await runWith(wrap, lenient.client)).toMatchObject({ status: 'success', output: 'ran\n' });
});

test('with that setting, the wrapped secret must still be a SecretID of the role', async () => {
  await using lenient = await startStintOnRig({ STINT_ACCEPT_REWRAPPED: 'true' });
  const other = await operator.makeRole({ token_policies: ['default'] });
  const foreign = await wrapGenerically({ secret_id: await operator.makeSecretId(other.name) });
  const empty = await wrapGenerically({ something: 'else' });

  expect(await runWith(foreign, lenient.client)).toMatchObject(
    refusal(`Vault refused it for the role "${roleNames.job}"`),
  );
  expect(await runWith(empty, lenient.client)).toMatchObject(refusal('there is no `secret_id` in it', alert));
});

test('a cubbyhole that was read before is reported at the submit, with an alarm', async () => {
  const cubbyhole = await client.leaveInCubbyhole(await client.encrypt({ container_image: image }));
  await operator.ask('GET', 'cubbyhole/job', { headers: { 'X-Vault-Token': cubbyhole.cubby_token } });
  const wrap = await client.wrapSecretId();

  await expect(client.post({ ...cubbyhole, wrap_secret_id: wrap })).rejects.toMatchObject({
    status: 500,
    body: { status: 'Internal Error.', error: expect.stringContaining(alert) },
  });
  expect(await isWhole(wrap)).toBe(true);
});
