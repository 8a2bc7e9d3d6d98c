import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};

test('authorities of clients are read, and need a certificate of the server', () => {
  const clients = { ...needed, STINT_TLS_CLIENT_CA: '/a' };

  expect(readConfig({ ...clients, STINT_TLS_CERT: '/c', STINT_TLS_KEY: '/k' }).tls).toEqual({
    certPath: '/c',
    keyPath: '/k',
    clientCaPath: '/a',
  });
  expect(() => readConfig(clients)).toThrow(
    'Expected STINT_TLS_CERT to be set together with STINT_TLS_CLIENT_CA',
  );
});
