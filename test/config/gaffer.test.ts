import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint:x@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'r',
  STINT_APPROLE_NAME: 'stint-job',
};

test.each<[Readonly<Record<string, string>>, object]>([
  [{}, { image: undefined, origins: [], flapping: { attempts: 5, window: 60, retry_in: 30, max_retry: 10 } }],
  [{ STINT_GAFFER_IMAGE: 'ubuntu:24.04' }, { image: 'ubuntu:24.04' }],
  [
    { STINT_GAFFER_FLAPPING: '2,500ms,0,0' },
    { flapping: { attempts: 2, window: 0.5, retry_in: 0, max_retry: 0 } },
  ],
  [
    { STINT_GAFFER_ORIGINS: 'https://a.example, http://b.example:8080' },
    { origins: ['https://a.example', 'http://b.example:8080'] },
  ],
])("gaffer's door takes %j", (changes, gaffer) => {
  expect(readConfig({ ...needed, ...changes }).gaffer).toMatchObject(gaffer);
});

test.each([
  ['STINT_GAFFER_IMAGE', 'Ubuntu'],
  ['STINT_GAFFER_FLAPPING', '5'],
  ['STINT_GAFFER_FLAPPING', '0, 1m, 30s, 10'],
  ['STINT_GAFFER_FLAPPING', '5, 60, 30s, 10'],
  ['STINT_GAFFER_FLAPPING', '5, 1m, 30s, -1'],
  ['STINT_GAFFER_FLAPPING', '5, 1m, 30s, 10, 2'],
  ['STINT_GAFFER_ORIGINS', 'https://a.example/'],
  ['STINT_GAFFER_ORIGINS', '*'],
  ['STINT_STOP_GRACE_MAX', '1'],
])("gaffer's door refuses %s=%j", (name, value) => {
  const read = () => readConfig({ ...needed, [name]: value });

  expect(read).toThrow(ConfigError);
  expect(read).toThrow(`Expected ${name} to be `);
});

test('a job may ask for a minute to end, unless the operator says otherwise', () => {
  expect(readConfig(needed).job.policy.mostStopGraceMs).toBe(60_000);
  expect(readConfig({ ...needed, STINT_STOP_GRACE_MAX: '5m' }).job.policy.mostStopGraceMs).toBe(300_000);
});
