import { expect, test } from 'vitest';
import { outputOf } from '../../support/fake-queue.js';
import { createLopcoApp, name, withJob } from './lopco-app.js';

const jobs = '/job-manager/jobs';
const history = '/job-manager/history';

const done = {
  id: '01',
  inputs: [{ source_table: 'upload' }],
  outputs: [{ unique_id: 'a', result_table: 'f1' }],
  started: '2025-10-18T15:00:01.204Z',
  completed: '2025-10-18T15:00:03.880Z',
  workers: ['i-1', 'i-2'],
};

test('a job is shown before its pipeline is known', async () => {
  const { ask } = await withJob();

  const response = await ask('GET', `${jobs}/${name}`);

  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual({
    machine_id: 'press-07',
    ds_id: 'press-07',
    status: 'pending',
    stages: [{ id: 'init', outputs: [{ init_source: 'upload' }] }],
    pipeline_id: null,
    created: '2025-10-18T14:18:42.101000Z',
    init_sources: [{ init_source: 'upload' }],
  });
});

test('a job is shown with the stages that are done, and what their workers printed', async () => {
  const { queue, ask, id, reach } = await withJob();
  const child = { door: 'lopco', parent: id, slot: 0, state: 'canceled' } as const;
  queue.add({ ...child, label: { kind: 'worker', name: 'i-2' } }, outputOf('two\n'));
  queue.add({ ...child, label: { kind: 'worker', name: 'i-1' } }, outputOf('one\n'));
  await reach({ done: [done], machine: { pipelineId: 'p1', platformId: 'pl', platformTypeId: undefined } });
  queue.change(id, { state: 'running' });

  const shown = await (await ask('GET', `${jobs}/${name}`)).json();

  expect(shown).toMatchObject({ status: 'running', pipeline_id: 'p1', ds_platform_id: 'pl' });
  expect((shown as { stages: object[] }).stages[1]).toEqual({
    id: '01',
    outputs: done.outputs,
    inputs: done.inputs,
    started: '2025-10-18T15:00:01.204000Z',
    completed: '2025-10-18T15:00:03.880000Z',
    log: 'one\ntwo\n',
  });
});

test.each([
  ['succeeded', 'finished'],
  ['failed', 'failed'],
  ['canceled', 'aborted'],
  ['lost', 'failed'],
] as const)('at another place when it has ended: %s', async (state, status) => {
  const { queue, ask, id } = await withJob();
  expect((await ask('GET', `${history}/${name}`)).status).toBe(404);

  queue.change(id, { state });

  expect(await (await ask('GET', `${history}/${name}`)).json()).toMatchObject({ status });
  expect(await (await ask('GET', `${history}/${id}`)).json()).toMatchObject({ status });
  for (const path of [name, id]) {
    const response = await ask('GET', `${jobs}/${path}`);
    expect([response.status, await response.text()]).toEqual([404, '']);
  }
});

test('a job is shown with the reason of its failure in the last line of the last log', async () => {
  const { queue, ask, id, reach } = await withJob();
  queue.add({ parent: id, label: { kind: 'worker', name: 'i-1' } }, outputOf('no line end'));
  await reach({ done: [{ ...done, outputs: [] }] });
  queue.change(id, { state: 'failed', message: 'The worker ended without a result.' });

  expect(await (await ask('GET', `${history}/${name}`)).json()).toMatchObject({
    stages: [{ id: 'init' }, { id: '01', log: 'no line end\nThe worker ended without a result.\n' }],
  });
});

test('a job is shown with that reason at `init` where no stage began', async () => {
  const { queue, ask, id } = await withJob();
  queue.change(id, { state: 'failed', message: 'The machine "press-07" is not registered.' });

  expect(await (await ask('GET', `${history}/${name}`)).json()).toMatchObject({
    stages: [{ id: 'init', log: 'The machine "press-07" is not registered.\n' }],
  });
});

test('a job is shown only to its owner', async () => {
  const { queue, ask, id } = await withJob();
  const stranger = { token: 's.token2' };

  expect((await ask('GET', `${jobs}/${name}`, stranger)).status).toBe(404);
  expect((await ask('GET', `${jobs}/${id}`, stranger)).status).toBe(404);
  queue.change(id, { state: 'succeeded' });
  expect((await ask('GET', `${history}/${name}`, stranger)).status).toBe(404);
  expect(await (await ask('GET', history, stranger)).json()).toEqual([]);
});

test('a job is shown of another door, by its id, as one stage', async () => {
  const { queue, ask } = createLopcoApp();
  const job = queue.add({ state: 'succeeded' }, outputOf('hello\n'));

  expect(await (await ask('GET', `${history}/${job.id}`)).json()).toMatchObject({
    machine_id: '',
    status: 'finished',
    stages: [
      { id: 'init', outputs: [] },
      { id: '01', log: 'hello\n' },
    ],
    pipeline_id: null,
  });
});
