import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { startSlowRegistry } from './slow-registry.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName } from './vault-operator.js';

const slow = await startSlowRegistry();
const on = await startStintOnRig({
  DOCKER_HOST: slow.dockerHost,
  STINT_ALLOW_IMAGES: `public,${slow.registry.host}/**`,
  STINT_STOP_GRACE: '1s',
});
const { client } = on;
afterEach(() => slow.resume());
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await slow[Symbol.asyncDispose]();
});

function submit(qname: string, script: string): Promise<string> {
  return client.submit({ qname, container_image: image, run: ['sh', '-c', script] });
}

/** Starts a job and waits until its program runs. */
async function startJob(qname: string, script: string): Promise<string> {
  const id = await submit(qname, `echo begun; ${script}`);
  await client.wait(id, 20_000, ({ output }) => output !== '');
  return id;
}

async function waitFor(id: string, word: string): Promise<void> {
  await client.wait(id, 20_000, ({ status }) => status === word);
}

/** Submits a job that waits for an image from a registry that does not answer. */
async function startPull(qname: string): Promise<string> {
  slow.registry.suspend();
  const { _id: id } = await client.post({
    qname,
    wrap_secret_id: await client.wrapSecretId(),
    container_image: `${slow.registry.host}/not/there:1`,
    run: ['true'],
  });
  await vi.waitFor(async () => expect(await slow.isAsked()).toBe(true), 10_000);
  return id;
}

const stubborn = 'trap "" TERM; while :; do sleep 0.1; done';

test('a waiting job that is killed never runs', async () => {
  const qname = uniqueName();
  const running = await startJob(qname, 'sleep 300');
  const waiting = await submit(qname, 'echo ran');

  const answer = await client.kill(waiting);
  await client.kill(running);
  await client.wait(running);

  expect(answer).toEqual({ _id: waiting, container_id: '', status: 'queued', kill_requested: true });
  expect(await client.wait(waiting)).toMatchObject({
    status: 'failed',
    output: 'job killed',
    return_code: 125,
    started: '0001-01-01T00:00:00Z',
    container_id: '',
    kill_requested: true,
  });
});

test('a job that is killed while its image is pulled ends at once, and its queue goes on', async () => {
  const qname = uniqueName();
  const pulling = await startPull(qname);
  const next = await submit(qname, 'echo next');

  const answer = await client.kill(pulling);
  const job = await client.wait(pulling, 5_000);
  slow.resume();

  expect(answer).toMatchObject({ status: 'running', container_id: '' });
  expect(job).toMatchObject({
    status: 'failed',
    output: 'job killed',
    return_code: 125,
    kill_requested: true,
  });
  expect(await client.wait(next)).toMatchObject({ status: 'success', output: 'next\n' });
});

test('a job that is killed while the engine hangs never starts, and its queue waits for the engine', async () => {
  const qname = uniqueName();
  slow.suspendEngine();
  const preparing = await submit(qname, 'echo ran');
  const next = await submit(qname, 'echo next');
  await waitFor(preparing, 'running');

  const answer = await client.kill(preparing);
  const meanwhile = await client.get(next);
  slow.resume();

  expect(answer.status).toBe('running');
  expect(meanwhile.status).toBe('queued');
  expect(await client.wait(preparing)).toMatchObject({
    status: 'failed',
    output: 'job killed',
    return_code: 125,
  });
  expect(await client.wait(next)).toMatchObject({ status: 'success', output: 'next\n' });
});

test('a running job that is killed ends by the signal, keeps its output, and its queue goes on', async () => {
  const qname = uniqueName();
  const running = await startJob(qname, 'sleep 300');
  const next = await submit(qname, 'echo next');

  const answer = await client.kill(running);
  const killedAt = performance.now();
  const job = await client.wait(running);

  expect(performance.now() - killedAt).toBeLessThan(10_000);
  expect(answer).toEqual({
    _id: running,
    container_id: job.container_id,
    status: 'running',
    kill_requested: true,
  });
  expect(job).toMatchObject({ status: 'failed', output: 'begun\n', return_code: 143, kill_requested: true });
  expect(await client.wait(next)).toMatchObject({ status: 'success', output: 'next\n' });
});

test('a program that ends by itself on the signal was killed all the same, whatever its code', async () => {
  const id = await startJob(uniqueName(), 'trap "echo bye; exit 0" TERM; while :; do sleep 0.1; done');

  await client.kill(id);

  expect(await client.wait(id)).toMatchObject({
    status: 'failed',
    output: 'begun\nbye\n',
    return_code: 0,
    kill_requested: true,
  });
});

test('a job that ignores the signal is killed after the grace, and holds its queue until then', async () => {
  const qname = uniqueName();
  const running = await startJob(qname, stubborn);
  const next = await submit(qname, 'echo next');

  await client.kill(running);
  await waitFor(running, 'stopping');
  const meanwhile = await client.get(next);
  const job = await client.wait(running);

  expect(meanwhile.status).toBe('queued');
  expect(job).toMatchObject({ status: 'failed', return_code: 137, kill_requested: true });
  const { started } = await client.wait(next);
  expect(Date.parse(started)).toBeGreaterThanOrEqual(Date.parse(job.ended));
});

test('a second kill of a job that is being stopped changes nothing', async () => {
  const id = await startJob(uniqueName(), stubborn);
  await client.kill(id);
  await waitFor(id, 'stopping');

  const answer = await client.kill(id);

  expect(answer).toMatchObject({ status: 'stopping', kill_requested: true });
  expect(await client.wait(id)).toMatchObject({ status: 'failed', return_code: 137 });
});

test('a kill of an ended job is answered and changes nothing', async () => {
  const id = await submit(uniqueName(), 'echo done');
  const ended = await client.wait(id);

  const answer = await client.kill(id.toUpperCase());

  expect(answer).toEqual({
    _id: id,
    container_id: ended.container_id,
    status: 'success',
    kill_requested: true,
  });
  expect(await client.get(id)).toEqual(ended);
});

test('a kill of an unknown job is refused', async () => {
  await expect(client.kill('0'.repeat(24))).rejects.toMatchObject({
    status: 404,
    body: { status: 'Not Found.', error: 'not found' },
  });
});

test('no container is left of any killed job', async () => {
  const filters = { label: [`stint.node=${on.stint.nodeId}`, 'stint.job'] };

  expect(await slow.docker.listContainers({ all: true, filters })).toEqual([]);
});

test('a job that runs too long is stopped, and says so', async () => {
  await using other = await startStintOnRig({ STINT_MAX_RUN_TIME: '1s' });

  const job = await other.run({ run: ['sleep', '300'] });

  expect(job).toMatchObject({ status: 'failed', return_code: 143, kill_requested: false });
  expect(job.output).toContain('stopped after its limit of 1 s');
});
