import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint:x@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'r',
  STINT_APPROLE_NAME: 'stint-job',
};

test.each<[Readonly<Record<string, string>>, object]>([
  [{ STINT_JOBPROXY_IMAGE: 'ubuntu:24.04' }, { image: 'ubuntu:24.04' }],
  [{ STINT_JOBPROXY_PULL_POLICY: 'Never' }, { pullPolicy: 'Never' }],
  [{ STINT_JOBPROXY_MEMORY_UNIT: 'GiB' }, { memoryUnitBytes: 1024 ** 3 }],
  [{ STINT_JOBPROXY_QUEUE: 'Tasks' }, { queue: 'tasks' }],
  [{ STINT_JOBPROXY_OUTPUT_ROOT: '/srv/out/' }, { outputRoot: '/srv/out' }],
])("JobProxy's door takes %j", (changes, jobproxy) => {
  expect(readConfig({ ...needed, ...changes }).jobproxy).toMatchObject(jobproxy);
});

test.each([
  ['STINT_JOBPROXY_IMAGE', 'Ubuntu'],
  ['STINT_JOBPROXY_PULL_POLICY', 'always'],
  ['STINT_JOBPROXY_MEMORY_UNIT', 'GB'],
  ['STINT_JOBPROXY_QUEUE', 'a\nb'],
])("JobProxy's door refuses %s=%j", (name, value) => {
  const read = () => readConfig({ ...needed, [name]: value });

  expect(read).toThrow(ConfigError);
  expect(read).toThrow(`Expected ${name} to be `);
});
