import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};
const whole = {
  STINT_SERVICE_TOKEN: 's.service',
  STINT_SERVICE_DOORS: 'runai,jobproxy',
  STINT_SERVICE_NETWORKS: '10.1.0.0/16, 192.0.2.7,fd00::/8,0.0.0.0/0',
};

test('without the settings every caller must send a token', () => {
  expect(readConfig(needed).serviceToken).toBeUndefined();
});

test('doors and networks of the service token are read', () => {
  const { serviceToken } = readConfig({ ...needed, ...whole });

  expect(serviceToken?.token.reveal()).toBe('s.service');
  expect(serviceToken).toMatchObject({
    doors: ['runai', 'jobproxy'],
    networks: [
      { address: '10.1.0.0', prefix: 16 },
      { address: '192.0.2.7', prefix: 32 },
      { address: 'fd00::', prefix: 8 },
      { address: '0.0.0.0', prefix: 0 },
    ],
  });
});

test.each([
  ['the door whose clients all send tokens', { STINT_SERVICE_DOORS: 'gostint' }, /STINT_SERVICE_DOORS/],
  ['an unknown door', { STINT_SERVICE_DOORS: 'runai,none' }, /STINT_SERVICE_DOORS/],
  ['a name', { STINT_SERVICE_NETWORKS: 'office' }, /STINT_SERVICE_NETWORKS.*such as `10\.1\.0\.0\/16`/],
  ['too many bits', { STINT_SERVICE_NETWORKS: '10.0.0.0/33' }, /STINT_SERVICE_NETWORKS/],
  ['no bits', { STINT_SERVICE_NETWORKS: '10.0.0.0/' }, /STINT_SERVICE_NETWORKS/],
  ['two masks', { STINT_SERVICE_NETWORKS: '10.0.0.0/8/8' }, /STINT_SERVICE_NETWORKS/],
  [
    'a token for all networks',
    { STINT_SERVICE_NETWORKS: undefined },
    /STINT_SERVICE_NETWORKS to be set together/,
  ],
  ['a token for no door', { STINT_SERVICE_DOORS: undefined }, /STINT_SERVICE_DOORS to be set together/],
])('%s is refused', (_, change, problem) => {
  expect(() => readConfig({ ...needed, ...whole, ...change })).toThrow(problem);
});
