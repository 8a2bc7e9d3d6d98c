import { afterAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import type { FailpointName } from '../../src/job/failpoint.js';
import { rigPart } from '../support/rig-part.js';
import { CanaryStage, leak } from './canary-stage.js';
import { uniqueName } from './vault-operator.js';

const { dockerHost } = await rigPart('engine');
await ensureImage(connectDocker(dockerHost), 'busybox:latest');
const on = await CanaryStage.open(dockerHost);
afterAll(() => on[Symbol.asyncDispose]());

async function untilGone(id: string): Promise<void> {
  await expect.poll(() => on.containersOf(id), { timeout: 30_000 }).toEqual([]);
}

describe('C7, A3, A8: no secret and no credential is found anywhere, in any form', () => {
  test('while a job runs, and after success, failure and kill of jobs that print their secrets', {
    timeout: 180_000,
  }, async () => {
    await using stint = await on.start();
    const client = await on.clientOf(stint);
    const success = await on.submit(client, 'a', leak);
    const failure = await on.submit(client, 'b', `${leak}; exit 3`);
    const [first, second] = [await client.wait(success), await client.wait(failure)];
    const killed = await on.submit(client, 'c', 'echo begun; sleep 300');
    await client.wait(killed, 30_000, ({ output }) => output.includes('begun'));

    expect([first.status, second.status]).toEqual(['success', 'failed']);
    expect(first.output.match(/\[secret\]/g)?.length).toBeGreaterThanOrEqual(3);
    expect(await on.findNothingIn(stint, client, killed)).toEqual([]);
    expect(await on.search(stint, client, false)).toEqual([]);
    await client.kill(killed);
    await client.wait(killed);
    await untilGone(killed);
    expect(await on.search(stint, client, true)).toEqual([]);
  });

  test.each<FailpointName>([
    'after-cubbyhole-read',
    'before-unwrap',
    'after-login',
    'after-deliver',
    'first-output-stored',
  ])(
    'after the node was killed at the failpoint %s, and after it has come back',
    { timeout: 180_000 },
    async (failpoint) => {
      const dying = await on.start({ STINT_FAILPOINTS: `${failpoint}=kill` });
      const qname = uniqueName();
      const submitted = on
        .submit(await on.clientOf(dying), qname, 'echo begun; sleep 300')
        .catch(() => undefined);
      await dying.gone(60_000);
      const id = await submitted;
      const found = await on.search(dying, undefined, false);
      const inMemory = found.filter((each) => on.secretsDirectories.some((path) => each.includes(path)));
      expect(found.filter((each) => !inMemory.includes(each))).toEqual([]);
      // From the delivery to the start the secrets file has a name in the host's memory; the next process removes it.
      expect(inMemory.length > 0).toBe(failpoint === 'after-deliver');
      await dying[Symbol.asyncDispose]();

      await using back = await on.start();
      const client = await on.clientOf(back);
      if (id !== undefined) {
        await client.kill(id).catch(() => undefined);
        await client.wait(id);
        await untilGone(id);
      }
      expect(await on.search(back, client, true)).toEqual([]);
    },
  );
});
