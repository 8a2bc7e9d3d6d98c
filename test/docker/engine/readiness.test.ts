import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { checkDisk, checkEngine } from '../../../src/docker/engine/readiness.js';
import { fakeEngine } from '../../support/fake-engine.js';

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

test('a disk with free space will do, and so will one that this host cannot see', async () => {
  await expect(checkDisk(tmpdir())).resolves.toBeUndefined();
  await expect(checkDisk('/nowhere/at/all')).resolves.toBeUndefined();
});

test('E6: a full disk will not', async () => {
  await expect(checkDisk('/proc')).rejects.toThrow('free on the disk of the engine');
});
