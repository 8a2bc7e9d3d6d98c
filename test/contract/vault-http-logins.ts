import { expect, test } from 'vitest';
import { type Heard, unknownToken, type VaultBench } from './vault-http-bench.js';
import { refusal } from './vault-http-servers.js';

/** A role of a fresh method, and how to log in with it. */
async function startRole(bench: VaultBench, settings: object) {
  const mount = await bench.mount('approle');
  const role = `${mount}/role/r`;
  const made = await bench.ask('POST', role, { body: settings });
  const roleId = (await bench.ask('GET', `${role}/role-id`)).body.data?.role_id;
  const newSecretId = async (body: object = {}) =>
    (await bench.ask('POST', `${role}/secret-id`, { body })).body.data;
  const logIn = (secretId: unknown): Promise<Heard> =>
    bench.ask('POST', `${mount}/login`, { token: '', body: { role_id: roleId, secret_id: secretId } });
  return { mount, role, made, roleId, newSecretId, logIn };
}

export function appRoleRules(bench: VaultBench): void {
  test('a login gives what the role says', async () => {
    const policy = await bench.policy('path "a" { capabilities = ["read"] }');
    const { newSecretId, logIn } = await startRole(bench, {
      token_policies: [policy],
      token_ttl: '20m',
      token_num_uses: 3,
    });

    const { body } = await logIn((await newSecretId())?.secret_id);

    expect(body.auth).toMatchObject({
      policies: ['default', policy],
      metadata: { role_name: 'r' },
      lease_duration: 1200,
      renewable: true,
      entity_id: expect.stringMatching(/./),
      token_type: 'service',
      orphan: true,
      num_uses: 3,
    });
  });

  test('all who log in with a role are one entity, and so are their children', async () => {
    const maker = await bench.policy('path "auth/token/create" { capabilities = ["update"] }');
    const { newSecretId, logIn } = await startRole(bench, { token_policies: [maker] });
    const secretId = (await newSecretId())?.secret_id;

    const [one, other] = [await logIn(secretId), await logIn(secretId)];
    const child = await bench.token({}, one.body.auth?.client_token ?? '');

    expect(other.body.auth?.entity_id).toBe(one.body.auth?.entity_id);
    expect(child.entity_id).toBe(one.body.auth?.entity_id);
  });

  test('a SecretID of one use works once', async () => {
    const { newSecretId, logIn } = await startRole(bench, { secret_id_num_uses: 1, secret_id_ttl: '1m' });
    const once = await newSecretId();
    expect(once).toMatchObject({ secret_id_num_uses: 1, secret_id_ttl: 60 });

    expect((await logIn(once?.secret_id)).status).toBe(200);
    expect(await logIn(once?.secret_id)).toEqual(await refusal(bench, 'a SecretID that is used up'));
  });

  test.each([
    ['a RoleID that is none', { role_id: 'x', secret_id: 'y' }],
    ['a login without a RoleID', { secret_id: 'y' }],
  ] as const)('with %s nobody logs in', async (what, body) => {
    const mount = await bench.mount('approle');

    expect(await bench.ask('POST', `${mount}/login`, { token: '', body })).toEqual(
      await refusal(bench, what),
    );
  });

  test('without a SecretID nobody logs in, unless the role binds by address alone', async () => {
    const { mount, roleId, made } = await startRole(bench, {});
    const free = await startRole(bench, { bind_secret_id: false, token_bound_cidrs: ['127.0.0.0/8'] });
    const logIn = (at: string, id: unknown) =>
      bench.ask('POST', `${at}/login`, { token: '', body: { role_id: id } });

    expect(made.status).toBe(204);
    expect(await logIn(mount, roleId)).toEqual({ status: 400, body: { errors: ['missing secret_id'] } });
    expect((await logIn(free.mount, free.roleId)).status).toBe(200);
    expect((await startRole(bench, { bind_secret_id: false })).made.status).toBe(500);
  });
}

export function roleRules(bench: VaultBench): void {
  test.each([
    ['of the role', { secret_id_bound_cidrs: ['10.0.0.0/8'] }, {}],
    ['of the SecretID', {}, { cidr_list: ['10.0.0.0/8'] }],
  ])('from outside the addresses %s nobody logs in', async (_, settings, order) => {
    const { newSecretId, logIn } = await startRole(bench, settings);

    expect((await logIn((await newSecretId(order))?.secret_id)).status).toBe(400);
  });

  test('bound to other addresses a token is of no use', async () => {
    const { newSecretId, logIn } = await startRole(bench, { token_bound_cidrs: ['10.1.2.0/24'] });

    const { body } = await logIn((await newSecretId())?.secret_id);
    const token = body.auth?.client_token ?? '';

    expect(await bench.ask('GET', 'auth/token/lookup-self', { token })).toEqual(unknownToken);
  });

  test('a SecretID is looked up and destroyed by its accessor', async () => {
    const { role, newSecretId, logIn } = await startRole(bench, { secret_id_num_uses: 5 });
    const made = await newSecretId({ metadata: '{"who":"me"}' });
    const body = { secret_id_accessor: made?.secret_id_accessor };
    const at = (verb: string) => bench.ask('POST', `${role}/secret-id-accessor/${verb}`, { body });
    expect((await bench.ask('LIST', `${role}/secret-id`)).body.data?.keys).toEqual([
      made?.secret_id_accessor,
    ]);
    expect((await at('lookup')).body.data).toMatchObject({ metadata: { who: 'me' }, secret_id_num_uses: 5 });

    expect((await at('destroy')).status).toBe(204);

    expect(await logIn(made?.secret_id)).toEqual(await refusal(bench, 'a SecretID that was destroyed'));
    expect((await at('lookup')).status).toBe(404);
    expect(await at('destroy')).toMatchObject({ status: 500 });
    expect((await bench.ask('LIST', `${role}/secret-id`)).status).toBe(404);
  });

  test('what was wrapped carries its accessor outside', async () => {
    const { role } = await startRole(bench, {});
    const { body } = await bench.ask('POST', `${role}/secret-id`, { body: {}, wrap: '60' });

    const opened = await bench.ask('POST', 'sys/wrapping/unwrap', { token: body.wrap_info?.token ?? '' });

    expect(body.wrap_info).toMatchObject({ creation_path: `${role}/secret-id` });
    expect(opened.body.data?.secret_id_accessor).toBe(body.wrap_info?.wrapped_accessor);
  });

  test('a role is shown, changed in part, and refused where it is contradictory', async () => {
    const { role } = await startRole(bench, { token_policies: 'b,A', token_ttl: '20m' });
    const change = (body: object) => bench.ask('POST', role, { body });

    await change({ token_num_uses: 7 });

    expect((await bench.ask('GET', role)).body.data).toMatchObject({
      bind_secret_id: true,
      token_policies: ['b', 'A'],
      token_ttl: 1200,
      token_num_uses: 7,
      token_type: 'default',
    });
    expect((await change({ token_type: 'batch' })).status).toBe(400);
    expect(await change({ token_max_ttl: '1m' })).toEqual({
      status: 400,
      body: { errors: ["'token_ttl' cannot be greater than 'token_max_ttl'"] },
    });
    await bench.ask('DELETE', role);
    expect(await bench.ask('GET', role)).toEqual({ status: 404, body: { errors: [] } });
    expect((await bench.ask('GET', `${role}/role-id`)).status).toBe(404);
  });
}

export function userpassRules(bench: VaultBench): void {
  test('the right password gives a token, always of the same entity', async () => {
    const mount = await bench.mount('userpass');
    await bench.ask('POST', `${mount}/users/Ann`, {
      body: { password: 'p', token_policies: 'a', token_ttl: '5m' },
    });
    const logIn = (name: string, password: string) =>
      bench.ask('POST', `${mount}/login/${name}`, { token: '', body: { password } });

    const [one, other] = [await logIn('ann', 'p'), await logIn('ann', 'p')];

    expect(one.body.auth).toMatchObject({
      policies: ['a', 'default'],
      metadata: { username: 'ann' },
      lease_duration: 300,
    });
    expect(one.body.auth?.entity_id).toMatch(/./);
    expect(other.body.auth?.entity_id).toBe(one.body.auth?.entity_id);
    const self = await bench.ask('GET', 'auth/token/lookup-self', {
      token: one.body.auth?.client_token ?? '',
    });
    expect(self.body.data).toMatchObject({
      display_name: `${mount.replace('auth/', '')}-ann`,
      path: `${mount}/login/ann`,
    });
    expect(await logIn('ann', 'q')).toEqual(await refusal(bench, 'a wrong password of a known user'));
    expect(await logIn('bob', 'q')).toEqual({
      status: 400,
      body: { errors: ['invalid username or password'] },
    });
  });

  test('an entity may be read by its own token only', async () => {
    const mount = await bench.mount('userpass');
    for (const name of ['ann', 'bob'])
      await bench.ask('POST', `${mount}/users/${name}`, { body: { password: 'p' } });
    const [ann, bob] = await Promise.all(
      ['ann', 'bob'].map((name) =>
        bench.ask('POST', `${mount}/login/${name}`, { token: '', body: { password: 'p' } }),
      ),
    );
    const token = ann?.body.auth?.client_token ?? '';

    const own = await bench.ask('GET', `identity/entity/id/${ann?.body.auth?.entity_id}`, { token });
    const others = await bench.ask('GET', `identity/entity/id/${bob?.body.auth?.entity_id}`, { token });

    expect(own.body.data).toMatchObject({ id: ann?.body.auth?.entity_id, disabled: false });
    expect(others.status).toBe(403);
  });

  test('a deleted user and a removed method allow no login', async () => {
    const mount = await bench.mount('userpass');
    await bench.ask('POST', `${mount}/users/ann`, { body: { password: 'p' } });
    const logIn = () => bench.ask('POST', `${mount}/login/ann`, { token: '', body: { password: 'p' } });

    await bench.ask('DELETE', `${mount}/users/ann`);
    expect((await logIn()).status).toBe(400);
    await bench.ask('DELETE', `sys/${mount}`);
    expect(await logIn()).toEqual({ status: 403, body: { errors: ['permission denied'] } });
  });
}
