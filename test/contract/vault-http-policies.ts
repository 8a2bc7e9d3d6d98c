import { expect, test } from 'vitest';
import { denied, type VaultBench } from './vault-http-bench.js';

const allow = (path: string, ...capabilities: string[]) =>
  `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`;

type Case = readonly [
  what: string,
  policies: readonly string[],
  rights: Readonly<Record<string, readonly string[]>>,
];

const [read, list, update, deny] = [['read'], ['list'], ['update'], ['deny']];

const cases: readonly Case[] = [
  [
    'an exact path is itself only',
    [allow('a/b', 'read')],
    { 'a/b': read, 'a/bc': deny, 'a/b/c': deny, a: deny },
  ],
  ['a slash in front is none', [allow('/a/b', 'read')], { 'a/b': read }],
  [
    'a star at the end is all below',
    [allow('a/*', 'read')],
    { 'a/': read, 'a/b': read, 'a/b/c': read, a: deny },
  ],
  ['a star ends a name too', [allow('a/b*', 'read')], { 'a/b': read, 'a/bc/d': read, 'a/c': deny }],
  ['a star elsewhere is a star', [allow('a/*/c', 'read')], { 'a/x/c': deny, 'a/*/c': read }],
  ['a plus is one segment', [allow('a/+/c', 'read')], { 'a/x/c': read, 'a/x/y/c': deny, 'a/x/c/d': deny }],
  ['a plus in a name is a plus', [allow('a/+x/c', 'read')], { 'a/yx/c': deny, 'a/+x/c': read }],
  ['a plus and a star', [allow('a/+/c*', 'read')], { 'a/x/c': read, 'a/x/cd/e': read, 'a/x/d': deny }],
  [
    'an exact path beats a star',
    [allow('a/*', 'read'), allow('a/b', 'update')],
    { 'a/b': update, 'a/c': read },
  ],
  [
    'a longer star beats a shorter',
    [allow('a/*', 'read'), allow('a/b/*', 'list')],
    { 'a/b/c': list, 'a/c': read },
  ],
  [
    'a later plus beats an earlier',
    [allow('a/+/c', 'read'), allow('a/b/+', 'list')],
    { 'a/b/c': list, 'a/x/c': read },
  ],
  ['a plus beats a star there', [allow('a/*', 'read'), allow('a/+', 'list')], { 'a/x': list, 'a/x/y': read }],
  [
    'fewer pluses beat more',
    [allow('a/+/+', 'read'), allow('a/+/c', 'list')],
    { 'a/x/c': list, 'a/x/d': read },
  ],
  ['two policies add up', [allow('a/b', 'read'), allow('a/b', 'update')], { 'a/b': ['read', 'update'] }],
  ['denied in one is denied', [allow('a/b', 'read'), allow('a/b', 'deny')], { 'a/b': deny }],
  ['deny among others stands alone', [allow('a/b', 'read', 'deny')], { 'a/b': deny }],
  ['a wider deny gives way', [allow('a/*', 'deny'), allow('a/b', 'read')], { 'a/b': read, 'a/c': deny }],
  ['a list is granted without its slash', [allow('a/b', 'list')], { 'a/b/': list }],
  [
    'old short forms',
    ['path "a" { policy = "write" }'],
    { a: ['create', 'delete', 'list', 'read', 'update'] },
  ],
  ['sudo is listed', [allow('a', 'sudo', 'read')], { a: ['read', 'sudo'] }],
  [
    'JSON',
    ['{"path":{"a/*":{"capabilities":["read"]},"b":{"capabilities":["list"]}}}'],
    { 'a/x': read, b: list },
  ],
  ['comments', ['# one\n// two\n/* three */\npath "a" { # four\n capabilities = ["read",] }'], { a: read }],
];

export function matchingRules(bench: VaultBench): void {
  test.each(cases)('%s', async (_, policies, rights) => {
    const token = await bench.tokenOf(...policies, allow('sys/capabilities-self', 'update'));
    const paths = [...Object.keys(rights), 'nowhere/at/all'];

    const { body } = await bench.ask('POST', 'sys/capabilities-self', { token, body: { paths } });

    expect(body.data).toEqual({ ...rights, 'nowhere/at/all': deny });
  });

  test('permission to create is not permission to update, and vice versa', async () => {
    const mount = await bench.mount('kv-v1');
    const [creator, updater] = await Promise.all(
      ['create', 'update'].map((right) => bench.tokenOf(allow(`${mount}/*`, right))),
    );
    const write = async (token: string | undefined, path: string) =>
      (await bench.ask('POST', `${mount}/${path}`, { token: token ?? '', body: { a: 1 } })).status;

    expect([await write(updater, 'a'), await write(creator, 'a')]).toEqual([403, 204]);
    expect([await write(creator, 'a'), await write(updater, 'a')]).toEqual([403, 204]);
  });

  test('what one policy denies, no other allows', async () => {
    const mount = await bench.mount('kv-v1');
    await bench.ask('POST', `${mount}/a`, { body: { x: 'y' } });
    const token = await bench.tokenOf(allow(`${mount}/a`, 'read', 'update'), allow(`${mount}/a`, 'deny'));

    expect(await bench.ask('GET', `${mount}/a`, { token })).toEqual(denied);
    expect(await bench.ask('POST', `${mount}/a`, { token, body: { x: 'z' } })).toEqual(denied);
  });

  test('a caller without permission does not learn what is mounted', async () => {
    const token = await bench.tokenOf(allow('a', 'read'));

    expect(await bench.ask('GET', 'nothing/here', { token })).toEqual(denied);
    expect(await bench.ask('GET', 'nothing/here')).toEqual({
      status: 404,
      body: { errors: ['no handler for route "nothing/here". route entry not found.'] },
    });
  });

  test('a changed policy counts at once, for tokens that are there', async () => {
    const mount = await bench.mount('kv-v1');
    await bench.ask('POST', `${mount}/a`, { body: { x: 'y' } });
    const policy = await bench.policy(allow('else', 'read'));
    const { client_token: token } = await bench.token({ policies: [policy], ttl: '1m' });
    expect(await bench.ask('GET', `${mount}/a`, { token })).toEqual(denied);

    await bench.ask('PUT', `sys/policies/acl/${policy}`, { body: { policy: allow(`${mount}/a`, 'read') } });

    expect((await bench.ask('GET', `${mount}/a`, { token })).status).toBe(200);
  });

  test('wrapping can be required, and its time limited', async () => {
    const mount = await bench.mount('kv-v1');
    await bench.ask('POST', `${mount}/a`, { body: { x: 'y' } });
    const token = await bench.tokenOf(
      `path "${mount}/a" { capabilities = ["read"] min_wrapping_ttl = "1s" max_wrapping_ttl = "90s" }`,
    );
    const readWith = (words: { wrap?: string }) => bench.ask('GET', `${mount}/a`, { token, ...words });

    expect(await readWith({})).toEqual(denied);
    expect(await readWith({ wrap: '2m' })).toEqual(denied);
    expect((await readWith({ wrap: '90s' })).status).toBe(200);
  });
}

export function policyRules(bench: VaultBench): void {
  test('are kept as they were written', async () => {
    const text = '# mine\npath "a" { capabilities = ["read"] }';
    const name = await bench.policy(text);

    expect((await bench.ask('GET', `sys/policies/acl/${name}`)).body.data).toMatchObject({
      name,
      policy: text,
    });
    expect((await bench.ask('GET', `sys/policy/${name}`)).body.data).toMatchObject({ name, rules: text });
    expect((await bench.ask('LIST', 'sys/policies/acl')).body.data?.keys).toEqual(
      expect.arrayContaining(['default', 'root', name]),
    );
    await bench.ask('DELETE', `sys/policies/acl/${name}`);
    expect(await bench.ask('GET', `sys/policies/acl/${name}`)).toEqual({ status: 404, body: { errors: [] } });
  });

  test.each([
    ['an unknown capability', 'path "a" { capabilities = ["nope"] }', /invalid capability "nope"/],
    ['no grammar', 'path "a" {', /^failed to parse policy: /],
    ['an unknown attribute', 'path "a" { capabilitys = ["read"] }', /^failed to parse policy: /],
    ['no text', '', /'policy' parameter not supplied or empty/],
  ])('with %s are refused', async (_, policy, why) => {
    const { status, body } = await bench.ask('POST', 'sys/policies/acl/wrong', { body: { policy } });

    expect(status).toBe(400);
    expect(body.errors?.[0]).toMatch(why);
  });

  test('root and default are not deleted', async () => {
    for (const name of ['root', 'default']) {
      expect((await bench.ask('DELETE', `sys/policies/acl/${name}`)).status).toBe(400);
    }
  });

  test('the capabilities of another token can be read, by its text or its accessor', async () => {
    const policy = await bench.policy(allow('a', 'read'));
    const { client_token: token, accessor } = await bench.token({ policies: [policy], ttl: '1m' });

    const byText = await bench.ask('POST', 'sys/capabilities', { body: { token, paths: ['a'] } });
    const byAccessor = await bench.ask('POST', 'sys/capabilities-accessor', {
      body: { accessor, path: 'a' },
    });
    const own = await bench.ask('POST', 'sys/capabilities-self', { body: { paths: ['a'] } });

    expect(byText.body.data).toEqual({ a: ['read'], capabilities: ['read'] });
    expect(byAccessor.body.data).toEqual({ a: ['read'], capabilities: ['read'] });
    expect(own.body.data).toEqual({ a: ['root'], capabilities: ['root'] });
  });
}
