import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { image, startStintOnRig } from './stint-on-rig.js';
import { VaultOperator } from './vault-operator.js';

const directory = await mkdtemp(join(tmpdir(), 'stint-verifier-'));
const program = join(directory, 'verifier');
await writeFile(program, '#!/bin/sh\nexit 0\n');
await chmod(program, 0o755);
const on = await startStintOnRig({ STINT_IMAGE_VERIFIER: program, STINT_JOB_NETWORK: 'none' });
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

test('S1: a job whose image cannot be verified fails before its SecretID is spent', async () => {
  const token = await on.client.wrapSecretId();

  const { _id: id } = await on.client.post({ wrap_secret_id: token, container_image: image, run: ['true'] });

  expect(await on.client.wait(id)).toMatchObject({
    status: 'failed',
    output: expect.stringContaining('no digest'),
  });
  const looked = await new VaultOperator(on.vault).ask('POST', 'sys/wrapping/lookup', { body: { token } });
  expect(looked.status).toBe(200);
});
