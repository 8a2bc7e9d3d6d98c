import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { checkDisk, checkEngine, refuseUnsupported } from '../../../src/docker/engine/readiness.js';
import { fakeEngine } from '../../support/fake-engine.js';

function check(apiVersion: string, hasNetwork = true): Promise<void> {
  const version = async () => ({ name: 'Engine', serverVersion: '1', apiVersion });
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
  await expect(checkDisk({ path: tmpdir(), whose: 'the engine' })).resolves.toBeUndefined();
  await expect(checkDisk({ path: '/nowhere/at/all', whose: 'the engine' })).resolves.toBeUndefined();
});

test('E6: a full disk will not', async () => {
  await expect(checkDisk({ path: '/proc', whose: 'the engine' })).rejects.toThrow(
    'free on the disk of the engine',
  );
});

const podman = async () => ({ name: 'Podman Engine', serverVersion: '4.3.1', apiVersion: '1.41' });

test('Podman will not do: one sentence names it and says why', async () => {
  const engine = fakeEngine({ version: podman, hasNetwork: async () => true });

  for (const refusing of [refuseUnsupported(engine), checkEngine(engine, 'jobs')])
    await expect(refusing).rejects.toMatchObject({
      code: 'engine_unavailable',
      retryable: false,
      message: expect.stringMatching(
        /^Expected a Docker engine, got "Podman Engine" 4\.3\.1: .*how a container ended.*\.$/,
      ),
    });
});

test.each(['Engine', 'Docker Engine - Community', ''])('an engine called "%s" is supported', async (name) => {
  const version = async () => ({ name, serverVersion: '1', apiVersion: '1.41' });

  await expect(refuseUnsupported(fakeEngine({ version }))).resolves.toBeUndefined();
});
