import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { startEngine } from '../../rig/engine/engine.js';
import { buildImage } from '../../rig/engine/image.js';
import { REGISTRY_LOGIN, startRegistry } from '../../rig/engine/registry.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { startStintOnRig } from './stint-on-rig.js';
import { VaultOperator } from './vault-operator.js';

const engine = await startEngine({ alwaysOwn: true, name: 'login' });
const docker = connectDocker(engine.dockerHost);
const registry = await startRegistry({ engine, closed: true });
const on = await startStintOnRig({
  DOCKER_HOST: engine.dockerHost,
  STINT_ALLOW_IMAGES: `${registry.host}/**`,
});
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});
const operator = new VaultOperator(on.vault);
const registry_ref = await operator.writeSecret('kv/data', { ...REGISTRY_LOGIN, registry: registry.host });

/** The names of an image that only the registry has. */
async function publish() {
  const tag = `stint-test/local-${randomUUID()}:1`;
  await buildImage(docker, { tag, cmd: ['echo', 'ran'] });
  const pushed = await registry.push(docker, tag, `tools/${randomUUID()}:1`);
  await docker.getImage(pushed.reference).remove();
  await docker.getImage(tag).remove();
  return pushed;
}

describe('a private image', () => {
  test('A4: runs with the login that `registry_ref` names, in the clear and in an encrypted payload, and the history says that it was read', async () => {
    const { reference: container_image } = await publish();

    const sealed = await on.run({ container_image, registry_ref });
    const wrap_secret_id = await on.client.wrapSecretId();
    const { _id: id } = await on.client.post({ wrap_secret_id, container_image, registry_ref });

    expect(sealed).toMatchObject({ status: 'success', output: 'ran\n' });
    expect(await on.client.wait(id)).toMatchObject({ status: 'success', output: 'ran\n' });
    const { events } = (await on.client.stint('GET', `/stint/v1/jobs/${id}`)) as {
      events: { kind: string }[];
    };
    expect(JSON.stringify(events.filter(({ kind }) => kind === 'secrets_read'))).toContain(registry_ref);
  });

  test('A4: that lies at the engine since then runs for nobody who has no login for it, by tag or digest', async () => {
    const { reference, byDigest } = await publish();
    expect(await on.run({ container_image: reference, registry_ref })).toMatchObject({ status: 'success' });
    const role = await operator.makeRole({ token_policies: [roleNames.client] });
    const login = { roleId: role.roleId, secretId: await operator.makeSecretId(role.name) };
    const other = await on.newClient(await GostintClient.logIn(on.vault.address, login));
    const wrong = await operator.writeSecret('kv/data', { username: 'eve', password: 'guessed' });

    for (const container_image of [reference, byDigest])
      for (const more of [{}, { image_pull_policy: 'Always' }, { registry_ref: wrong }]) {
        const job = await other.wait(await other.submit({ container_image, ...more }));
        expect(job).toMatchObject({ status: 'failed', output: expect.stringContaining('denies') });
      }
  });

  test('A4: with a login for another registry is not asked for', async () => {
    const elsewhere = await operator.writeSecret('kv/data', {
      ...REGISTRY_LOGIN,
      registry: 'elsewhere.example',
    });
    const { reference: container_image } = await publish();

    expect(await on.run({ container_image, registry_ref: elsewhere })).toMatchObject({
      status: 'failed',
      output: expect.stringContaining('is not for the registry'),
    });
  });
});

test('A4: the password of a registry is in no log', () => {
  const forms = [
    REGISTRY_LOGIN.password,
    Buffer.from(REGISTRY_LOGIN.password).toString('base64').slice(0, -4),
  ];
  for (const form of forms) expect(on.log()).not.toContain(form);
});
