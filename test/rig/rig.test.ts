import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { pingEngine } from '../../rig/engine/docker.js';
import { startRig } from '../../rig/rig.js';
import { rigPart } from '../support/rig-part.js';

// Installs or builds what is missing outside the tests, because it may take longer than their time limits.
await rigPart('engine');
await rigPart('vault');

afterEach(() => vi.unstubAllEnvs());

/** The directories of all parts that this process runs. */
async function ownDirectories(): Promise<string[]> {
  const names = await readdir(join(tmpdir(), `stint-rig-${process.getuid?.()}`));
  return names.filter((name) => name.includes(`-${process.pid}-`));
}

test('all parts start, log how long it took, and stop together', async () => {
  vi.stubEnv('STINT_TEST_VAULT_ADDR', '');
  const said: string[] = [];
  const rig = await startRig({ vault: 'at-once', log: (line) => said.push(line) });

  const problem = await pingEngine(rig.engine.dockerHost);
  const health = await fetch(`${rig.vault.address}/v1/sys/health`);
  const during = await ownDirectories();
  await rig[Symbol.asyncDispose]();

  expect(problem).toBeUndefined();
  expect(during).not.toEqual([]);
  expect(health.status).toBe(200);
  expect(rig.postgres.url).toMatch(/^postgres/);
  for (const name of ['Docker engine', 'PostgreSQL', 'Vault'])
    expect(said).toContainEqual(expect.stringMatching(new RegExp(`^${name} is ready after \\d+ ms$`)));
  await expect(fetch(rig.vault.address)).rejects.toThrow('fetch failed');
  expect(await ownDirectories()).toEqual([]);
});

test('where one part cannot be started, the others are stopped', async () => {
  vi.stubEnv('STINT_TEST_VAULT_ADDR', 'http://127.0.0.1:9');
  const said: string[] = [];

  const attempt = startRig({ vault: 'at-once', log: (line) => said.push(line) });

  await expect(attempt).rejects.toThrow(/^Could not use the Vault of STINT_TEST_VAULT_ADDR=/);
  expect(said).toContainEqual(expect.stringMatching(/^PostgreSQL is ready/));
  expect(await ownDirectories()).toEqual([]);
});
