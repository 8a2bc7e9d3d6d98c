import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint:x@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'r',
  STINT_APPROLE_NAME: 'stint-job',
};

test.each<[Readonly<Record<string, string>>, object]>([
  [{}, { allowed: ['public'], digestsOnly: false, own: [] }],
  [
    {
      STINT_IMAGE_DIGESTS_ONLY: 'true',
      STINT_ALLOW_IMAGES: 'ids, docker.io/**',
      STINT_GAFFER_IMAGE: 'x:1',
      STINT_JOBPROXY_IMAGE: 'y:1',
    },
    { allowed: ['ids', 'docker.io/**'], digestsOnly: true, own: ['y:1', 'x:1'] },
  ],
])('the images of %j', (changes, images) => {
  expect(readConfig({ ...needed, ...changes }).job.policy.images).toEqual(images);
});

test('the program that verifies images has a time limit, and there is none by default', () => {
  const changes = { STINT_IMAGE_VERIFIER: '/usr/local/bin/verify', STINT_IMAGE_VERIFIER_TIMEOUT: '5s' };

  expect(readConfig({ ...needed, ...changes }).docker.verifier).toEqual({
    program: '/usr/local/bin/verify',
    timeoutMs: 5_000,
  });
  expect(readConfig(needed).docker.verifier).toBeUndefined();
});

test.each([
  ['STINT_ALLOW_IMAGES', 'team/tool'],
  ['STINT_ALLOW_IMAGES', 'public,'],
  ['STINT_JOB_CAPABILITIES', 'SYS_ADMIN'],
  ['STINT_JOB_CAPABILITIES', 'chown'],
])('%s cannot be "%s"', (name, value) => {
  expect(() => readConfig({ ...needed, [name]: value })).toThrow(ConfigError);
  expect(() => readConfig({ ...needed, [name]: value })).toThrow(name);
});
