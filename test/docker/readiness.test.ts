import { expect, test } from 'vitest';
import { checkEngine } from '../../src/docker/readiness.js';
import { fakeEngine } from '../support/fake-engine.js';

function check(apiVersion: string, hasNetwork = true): Promise<void> {
  const version = async () => ({ serverVersion: '1', apiVersion });
  return checkEngine(fakeEngine({ version, hasNetwork: async () => hasNetwork }), 'jobs');
}

test.each(['1.41', '1.52', '2.0'])('an engine with API %s will do', async (apiVersion) => {
  await expect(check(apiVersion)).resolves.toBeUndefined();
});

test.each(['1.40', '1.9', '0.99', ''])('an engine with API "%s" will not', async (apiVersion) => {
  await expect(check(apiVersion)).rejects.toThrow(
    `Expected an engine with API 1.41 or newer, got ${apiVersion}.`,
  );
});

test('an engine without the network of the jobs will not do', async () => {
  await expect(check('1.41', false)).rejects.toMatchObject({ fault: 'network_missing' });
});
