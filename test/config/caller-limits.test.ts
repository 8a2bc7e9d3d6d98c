import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint:pg@db/stint',
  VAULT_ADDR: 'https://vault.example:8200',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};
const read = (env: Readonly<Record<string, string>>) => readConfig({ ...needed, ...env });

test.each([
  [
    {},
    {
      callerTurns: { inWork: 8, waiting: 200 },
      longAnswers: { perCaller: 4, inAll: 32 },
      reading: { leastBytes: 64 * 1024, mostWaitingBytes: 64 * 1024 ** 2 },
    },
  ],
  [{ STINT_CALLER_REQUESTS: '3', STINT_CALLER_WAITING: '0' }, { callerTurns: { inWork: 3, waiting: 0 } }],
  [
    { STINT_LONG_ANSWERS_PER_CALLER: '2', STINT_LONG_ANSWERS: '5' },
    { longAnswers: { perCaller: 2, inAll: 5 } },
  ],
  [
    { STINT_LEAST_READ: '1KiB', STINT_UNREAD_LIMIT: '1GiB' },
    { reading: { leastBytes: 1024, mostWaitingBytes: 1024 ** 3 } },
  ],
])('%j is %j', (env, config) => {
  expect(read(env)).toMatchObject(config);
});

test.each([
  ['STINT_CALLER_REQUESTS', '0'],
  ['STINT_LONG_ANSWERS', '0'],
  ['STINT_LONG_ANSWERS_PER_CALLER', 'many'],
  ['STINT_LEAST_READ', '0'],
  ['STINT_UNREAD_LIMIT', '1KiB'],
])('%s is not %s', (name, value) => {
  expect(() => read({ [name]: value })).toThrow(ConfigError);
});
