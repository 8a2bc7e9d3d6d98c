import { afterAll, expect, test } from 'vitest';
import type { AnsweredJob } from '../../demo/gostint-client.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName } from './vault-operator.js';

const on = await startStintOnRig();
afterAll(() => on[Symbol.asyncDispose]());

interface Page {
  readonly data: readonly AnsweredJob[];
  readonly skip: number;
  readonly limit: number;
  readonly total: number;
}

async function list(query: string): Promise<Page> {
  return (await on.client.stint('GET', `/v1/api/job${query}`)) as Page;
}

const noTime = '0001-01-01T00:00:00Z';
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** A job that runs until it is killed, and another of the same queue that waits behind it. */
async function startTwo(): Promise<{ running: string; waiting: string; end(): Promise<void> }> {
  const qname = uniqueName();
  const payload = { qname, container_image: image, run: ['sh', '-c', 'echo begun; sleep 300'] };
  const running = await on.client.submit(payload);
  const waiting = await on.client.submit(payload);
  await on.client.wait(running, 20_000, ({ output }) => output !== '');
  const end = async () => {
    for (const id of [waiting, running]) await on.client.kill(id).catch(() => undefined);
    await on.client.wait(running);
  };
  return { running, waiting, end };
}

test('a finished job answers with every field that clients read', async () => {
  const job = await on.run({
    qname: 'Every Field',
    run: ['sh', '-c', 'echo out; sleep 0.3; echo err >&2; exit 4'],
  });

  expect(job).toEqual({
    _id: expect.stringMatching(/^[0-9a-f]{24}$/),
    status: 'failed',
    node_uuid: on.stint.nodeId,
    qname: 'every field',
    container_image: 'busybox:latest',
    submitted: aTime,
    started: aTime,
    ended: aTime,
    output: 'out\nerr\n',
    stderr: 'err\n',
    return_code: 4,
    tty: false,
    container_id: expect.stringMatching(/^[0-9a-f]{64}$/),
    kill_requested: false,
  });
  expect([job.submitted, job.started, job.ended].toSorted()).toEqual([job.submitted, job.started, job.ended]);
  const { _id: id } = job;
  expect(Number.parseInt(id.slice(0, 8), 16)).toBe(Math.floor(Date.parse(job.submitted) / 1000));
});

test('a waiting job answers with zero times and empty texts, and never with null', async () => {
  const { waiting, end } = await startTwo();

  const job = await on.client.get(waiting.toUpperCase());
  await end();

  expect(job).toEqual({
    _id: waiting,
    status: 'queued',
    node_uuid: '',
    qname: expect.stringMatching(/^journey-/),
    container_image: '',
    submitted: aTime,
    started: noTime,
    ended: noTime,
    output: '',
    stderr: '',
    return_code: 0,
    tty: false,
    container_id: '',
    kill_requested: false,
  });
});

test('a list shows the newest job first, page by page, and has the total', async () => {
  const qname = uniqueName();
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const { _id: id } = await on.run({ qname, run: ['echo', name] });
    ids.unshift(id);
  }

  const all = await list(`?qname=${qname}`);
  const second = await list(`?qname=${qname.toUpperCase()}&skip=1&limit=1`);
  const beyond = await list(`?qname=${qname}&skip=10`);

  expect(all).toMatchObject({ skip: 0, limit: 10, total: 3 });
  expect(all.data.map(({ _id }) => _id)).toEqual(ids);
  expect(all.data.map(({ output }) => output)).toEqual(['c\n', 'b\n', 'a\n']);
  expect(second).toMatchObject({ skip: 1, limit: 1, total: 3, data: [{ _id: ids[1] }] });
  expect(beyond).toEqual({ data: [], skip: 10, limit: 10, total: 3 });
});

test('a list can be limited to one status', async () => {
  const { running, waiting, end } = await startTwo();
  const { qname } = await on.client.get(running);

  const queued = await list(`?qname=${qname}&status=queued`);
  const active = await list(`?qname=${qname}&status=running`);
  await end();

  expect(queued.data.map(({ _id }) => _id)).toEqual([waiting]);
  expect(active.data.map(({ _id }) => _id)).toEqual([running]);
});

test('a job in the list has the same fields as the job itself', async () => {
  const job = await on.run({ qname: uniqueName(), run: ['echo', 'hi'] });

  expect((await list(`?qname=${job.qname}`)).data).toEqual([job]);
});

test('a finished job can be deleted once, and is gone then', async () => {
  const { _id: id } = await on.run({ run: ['true'] });

  expect(await on.client.stint('DELETE', `/v1/api/job/${id.toUpperCase()}`)).toEqual({ _id: id });

  const gone = { status: 404, body: { status: 'Not Found.', error: 'not found' } };
  await expect(on.client.get(id)).rejects.toMatchObject(gone);
  await expect(on.client.stint('DELETE', `/v1/api/job/${id}`)).rejects.toMatchObject(gone);
});

test('a running job cannot be deleted, and runs on', async () => {
  const { running, end } = await startTwo();

  const refusal = on.client.stint('DELETE', `/v1/api/job/${running}`);

  await expect(refusal).rejects.toMatchObject({
    status: 400,
    body: { status: 'Invalid job request.', error: 'Cannot delete a running/stopping job' },
  });
  expect(await on.client.get(running)).toMatchObject({ status: 'running', kill_requested: false });
  await end();
});

test('a waiting job that is deleted never runs, and the queue goes on without it', async () => {
  const { running, waiting, end } = await startTwo();
  const { qname } = await on.client.get(running);
  const last = await on.client.submit({ qname, container_image: image, run: ['echo', 'last'] });

  await on.client.stint('DELETE', `/v1/api/job/${waiting}`);
  await end();

  expect(await on.client.wait(last)).toMatchObject({ status: 'success', output: 'last\n' });
  await expect(on.client.get(waiting)).rejects.toMatchObject({ status: 404 });
});

test('a malformed id gets another answer than an unknown one', async () => {
  await expect(on.client.get('NOPE')).rejects.toMatchObject({
    status: 400,
    body: { status: 'Invalid job request.', error: expect.stringContaining('Invalid job ID') },
  });
  await expect(on.client.get('0'.repeat(24))).rejects.toMatchObject({ status: 404 });
});
