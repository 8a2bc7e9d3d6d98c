import { expect, test } from 'vitest';
import type { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { rigPart } from '../support/rig-part.js';
import { type CrashStage, openCrashStage } from './node-on-rig.js';

const image = 'busybox:latest';
const [engine] = await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);
await ensureImage(connectDocker(engine.dockerHost), image);

const revoking = { STINT_MASK_OUTPUT: 'true', STINT_ON_SECRET_IN_OUTPUT: 'revoke' };
/** Until it is killed. */
const run = ['sh', '-c', 'grep TOKEN /secrets.yml; sleep 600'];

async function submit(client: GostintClient): Promise<string> {
  return await client.submit({ qname: 'printing', container_image: image, run });
}

/** Whether its token is revoked while its container runs. */
async function expectRevokedWhileRunning(stage: CrashStage, id: string): Promise<void> {
  const read = () => stage.sql<{ state: string; token: string | null }[]>`
    select state, token_accessor as token from jobs where id = ${id}`;
  await expect
    .poll(async () => await read(), { timeout: 90_000, interval: 100 })
    .toEqual([{ state: 'running', token: null }]);
  const events = await stage.sql`
    select kind, detail from events
    where job_id = ${id} and kind in ('running', 'secret_masked', 'token_revoked') order by seq`;
  expect(events.map(({ kind }): unknown => kind)).toEqual(['running', 'secret_masked', 'token_revoked']);
  expect(events[1]?.detail).toEqual({ name: 'TOKEN', stream: 'stdout', revokes: true });
}

test('A3: the token of a job that prints a secret is revoked at once, and the job goes on', async () => {
  await using stage = await openCrashStage();
  await using stint = await stage.start('A', revoking);
  const client = await stage.clientOf(stint);
  const id = await submit(client);

  await expectRevokedWhileRunning(stage, id);

  await client.kill(id);
  expect((await client.wait(id, 60_000)).output).toContain('TOKEN: [secret]\n');
}, 240_000);

test('A3: a node that dies before it has revoked the token does it when it is back', async () => {
  await using stage = await openCrashStage();
  let id = '';
  {
    await using stint = await stage.start('A', { ...revoking, STINT_FAILPOINTS: 'after-secret-found=kill' });
    id = await submit(await stage.clientOf(stint));
    await stint.gone(60_000);
  }
  await using next = await stage.start('A', revoking);

  await expectRevokedWhileRunning(stage, id);

  const client = await stage.clientOf(next);
  await client.kill(id);
  expect((await client.wait(id, 60_000)).output.match(/TOKEN: \[secret\]\n/g)).toHaveLength(1);
}, 240_000);
