import { expect, test } from 'vitest';
import { defaultFlapping } from '../../../src/api/gaffer/supervision/brake.js';
import { answerOf, createGafferApp } from './gaffer-app.js';

const json = 'application/json; charset=UTF-8';
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

test.each([
  ['/version', json, '{"name":"gaffer","version":"0.5.2"}'],
  ['/version/', json, '{"name":"gaffer","version":"0.5.2"}'],
  ['/ping', 'text/html; charset=UTF-8', 'OK'],
  ['/', json, '{"welcome":"gaffer","version":"0.5.2"}'],
])('%s answers without a token', async (path, type, body) => {
  const { app } = createGafferApp();

  const response = await app.request(path);

  expect(response.headers.get('content-type')).toBe(type);
  expect(await response.text()).toBe(body);
});

test('/ is no page', async () => {
  const { app } = createGafferApp();

  expect((await app.request('/', { headers: { accept: 'text/html,*/*' } })).status).toBe(404);
});

test('/auth gives the token that is the password, once Vault accepts it', async () => {
  const { app, identified } = createGafferApp();

  const response = await app.request('/auth', { headers: basic('ines:s.token1') });

  expect(response.headers.get('x-api-key')).toBe('s.token1');
  expect(await response.json()).toEqual({ api_key: 's.token1' });
  expect(identified).toEqual(['s.token1']);
});

test.each<[string, Record<string, string>]>([
  ['no password', {}],
  ['a bearer', { authorization: 'Bearer s.token1' }],
  ['a password that Vault refuses', basic('ines:s.other')],
  ['an empty password', basic('ines:')],
])('/auth refuses %s', async (_, headers) => {
  const { app } = createGafferApp();

  expect(await answerOf(await app.request('/auth', { headers }))).toEqual({
    status: 401,
    body: { error: 401, reason: 'unauthorized' },
  });
});

test('/auth needs a colon', async () => {
  const { app } = createGafferApp();

  expect(await answerOf(await app.request('/auth', { headers: basic('s.token1') }))).toMatchObject({
    status: 400,
    body: { error: 'bad_request', reason: 'authorization' },
  });
});

test.each(['x-api-key', 'x-auth-token', 'x-vault-token'])('%s may hold the token', async (header) => {
  const { app } = createGafferApp();

  expect((await app.request('/jobs', { headers: { [header]: 's.token1' } })).status).toBe(200);
});

test('X-Api-Key is no place for a token at another door', async () => {
  const { app } = createGafferApp();

  expect((await app.request('/api/v1/job', { headers: { 'x-api-key': 's.token1' } })).status).toBe(401);
});

test.each([
  ['GET', '/jobs'],
  ['POST', '/jobs/shop'],
  ['GET', '/jobs/shop/web/nothing'],
  ['GET', '/sessions'],
  ['GET', '/pids'],
  ['GET', '/1'],
  ['POST', '/1/signal'],
])('%s %s without a token is 401', async (method, path) => {
  const { app } = createGafferApp();

  expect(await answerOf(await app.request(path, { method }))).toEqual({
    status: 401,
    body: { error: 401, reason: 'unauthorized' },
  });
});

test('a token that Vault refuses is 403', async () => {
  const { app } = createGafferApp();

  expect(await answerOf(await app.request('/jobs', { headers: { 'x-api-key': 's.other' } }))).toEqual({
    status: 403,
    body: { error: 403, reason: 'forbidden' },
  });
});

test.each(['/jobs/shop/web/nothing', '/1/nothing', '/channel/nothing', '/007'])(
  'an unknown path is missing in the form of this door: %s',
  async (path) => {
    const { ask } = createGafferApp();

    expect(await ask('GET', path)).toEqual({ status: 404, body: { error: 'not_found', errno: 404 } });
  },
);

test('a wrong method is told the right ones', async () => {
  const { send } = createGafferApp();

  const response = await send('PUT', '/jobs/shop/web/state', '1');

  expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
  expect(await answerOf(response)).toEqual({
    status: 405,
    body: { error: 405, reason: 'Method Not Allowed' },
  });
});

test('an answer has a tag, by which an unchanged one need not be sent again', async () => {
  const { app, load } = createGafferApp();
  await load();
  const headers = { 'x-api-key': 's.token1' };

  const tag = (await app.request('/jobs', { headers })).headers.get('etag') ?? '';
  const again = await app.request('/jobs', { headers: { ...headers, 'if-none-match': tag } });

  expect(tag).toMatch(/^"[0-9a-f]{40}"$/);
  expect(again.status).toBe(304);
});

test('pages of an allowed origin may call, and others are told nothing', async () => {
  const origins = ['https://ops.example.org'];
  const { app } = createGafferApp({ gaffer: { image: undefined, flapping: defaultFlapping, origins } });
  const ask = (method: string, origin: string) => app.request('/jobs', { method, headers: { origin } });

  const preflight = await ask('OPTIONS', 'https://ops.example.org');
  const refused = await ask('GET', 'https://ops.example.org');
  const foreign = await ask('OPTIONS', 'https://elsewhere.example.org');

  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('https://ops.example.org');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('X-Api-Key');
  expect(refused.status).toBe(401);
  expect(refused.headers.get('access-control-allow-origin')).toBe('https://ops.example.org');
  expect(foreign.status).toBe(204);
  expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
});

test('the door can be switched off', async () => {
  const { app } = createGafferApp({ doors: ['gostint'] });

  for (const path of ['/jobs', '/ping', '/1', '/'])
    expect(await (await app.request(path)).json()).toMatchObject({ status: 'Not Found.' });
});
