import { expect, test } from 'vitest';
import type { ServiceTokenSettings } from '../../../src/api/request/service-token.js';
import { Secret } from '../../../src/job/secret.js';
import { createTestApp } from '../../support/test-app.js';

const settings: ServiceTokenSettings = {
  token: new Secret('s.token2'),
  doors: ['runai'],
  networks: [
    { address: '10.1.0.0', prefix: 16 },
    { address: 'fd00::', prefix: 8 },
  ],
};

/** What the HTTP server hands to the app beside the request. */
function from(address: string) {
  return { incoming: { socket: { remoteAddress: address, remotePort: 40_000, remoteFamily: 'IPv4' } } };
}

async function ask(address: string | undefined, path = '/api/job', headers: Record<string, string> = {}) {
  const { app, identified } = createTestApp({ serviceToken: settings });
  const response = await app.request(path, { headers }, address === undefined ? {} : from(address));
  return { status: response.status, identified };
}

test.each(['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1'])(
  'a caller from %s without a token acts with that of the service',
  async (address) => {
    expect(await ask(address)).toEqual({ status: 200, identified: ['s.token2'] });
  },
);

test.each(['10.2.0.1', '::ffff:10.2.0.1', '::1', '127.0.0.1', 'fe80::1', undefined])(
  'a caller from %s must send one',
  async (address) => {
    expect(await ask(address)).toEqual({ status: 401, identified: [] });
  },
);

test('a caller that sends a token acts with it, also from such a network', async () => {
  expect(await ask('10.1.2.3', '/api/job', { 'x-auth-token': 's.token1' })).toEqual({
    status: 200,
    identified: ['s.token1'],
  });
  expect(await ask('10.1.2.3', '/api/job', { 'x-auth-token': 's.unknown' })).toMatchObject({ status: 403 });
});

test('another door, and what a header says of the address, count for nothing', async () => {
  expect(await ask('10.1.2.3', '/v1/jobproxy/state')).toMatchObject({ status: 401 });
  expect(await ask('10.1.2.3', '/v1/api/job')).toMatchObject({ status: 400, identified: [] });
  expect(await ask('192.0.2.1', '/api/job', { 'x-forwarded-for': '10.1.2.3' })).toMatchObject({
    status: 401,
  });
});
