import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../rig/engine/docker.js';
import { startEngine } from '../../rig/engine/engine.js';
import { ensureImage } from '../../rig/engine/image.js';
import { startPart, until } from '../../rig/process.js';
import { image, type StintOnRig, startStintOnRig } from './stint-on-rig.js';

/** An engine beside which a server listens that no client reaches. */
const engine = await startEngine({ alwaysOwn: true, name: 'inner' });
const script = fileURLToPath(new URL('inner-server.mjs', import.meta.url));
const [command, args] = engine.own?.inNetwork(process.execPath, [script]) ?? [process.execPath, [script]];
const logFile = join(tmpdir(), `stint-inner-${process.pid}.log`);
const inner = await startPart(command, args, { logFile, deathSignal: 'TERM' });
const address = () => /listening on (\S+)/.exec(inner.logTail())?.[1] ?? '';
await until(() => address() !== '', { limitMs: 20_000, what: 'the inner server' });
const asked = () => inner.logTail().includes('asked');
const { Id: localId } = await ensureImage(connectDocker(engine.dockerHost), image).then(() =>
  connectDocker(engine.dockerHost).getImage(image).inspect(),
);

const strict = await startStintOnRig({ DOCKER_HOST: engine.dockerHost });
const open = await startStintOnRig({
  DOCKER_HOST: engine.dockerHost,
  STINT_ALLOW_IMAGES: `ids,${address()}/**`,
});
afterAll(async () => {
  await strict[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
  inner.signal('SIGKILL');
  await inner.gone(10_000);
  await rm(logFile);
  await engine[Symbol.asyncDispose]();
});

const submitInTheClear = async ({ client }: StintOnRig, container_image: string) =>
  await client.post({ wrap_secret_id: await client.wrapSecretId(), container_image, run: ['true'] });

describe('where the operator allows images of public registries only, an image at an inner address', () => {
  test('is refused at submit, and its address stays untouched', async () => {
    await expect(submitInTheClear(strict, `${address()}/tool:1`)).rejects.toMatchObject({ status: 403 });
    expect(asked()).toBe(false);
  });

  test('that an encrypted payload names fails the job, and its address stays untouched', async () => {
    const job = await strict.run({ container_image: `${address()}/tool:1`, image_pull_policy: 'Always' });

    expect(job).toMatchObject({ status: 'failed', output: expect.stringContaining('STINT_ALLOW_IMAGES') });
    expect(asked()).toBe(false);
  });

  test.each([
    ['whole', localId],
    ['without its end', localId.slice(0, 'sha256:'.length + 12)],
  ])('and an image of the engine by its id, %s, are not to be had either', async (_, id) => {
    await expect(submitInTheClear(strict, id)).rejects.toMatchObject({ status: 403 });
    expect(await strict.run({ container_image: id })).toMatchObject({ status: 'failed' });
  });
});

test('an image id runs where the operator allows ids, and the beginning of one without its prefix never does', async () => {
  expect(await open.run({ container_image: localId, run: ['echo', 'ran'] })).toMatchObject({
    output: 'ran\n',
  });
  const bare = localId.slice('sha256:'.length, 'sha256:'.length + 12);
  const never = { image_pull_policy: 'Never' };
  expect(await strict.run({ container_image: bare, ...never })).toMatchObject({ status: 'failed' });
});

test('nothing of what an inner server answers is in the job, whatever the operator allows', async () => {
  const job = await open.run({ container_image: `${address()}/tool:1`, image_pull_policy: 'Always' });

  expect(asked()).toBe(true);
  expect(job).toMatchObject({
    status: 'failed',
    output: expect.stringContaining('Could not pull the image'),
  });
  expect(JSON.stringify(job)).not.toMatch(/inner-words|root:x/);
  expect(open.log()).not.toMatch(/inner-words|root:x/);
});
