import { describe, expect, test } from 'vitest';
import type { Child } from '../../../../src/job/parents/planner.js';
import { splitAndMerge, stageOf } from './documents.js';
import { PlayedParent, type Setting } from './played-parent.js';

const machines = { 'press-07': { pipeline_id: 'p1' } };

function play(stages: readonly object[], more: Partial<Setting> = {}): PlayedParent {
  return new PlayedParent({ machines, pipelines: { p1: { stages } }, ...more });
}

const one = [stageOf('only', { file: 'init_source' })];

/** What the newest child removes. */
const removed = ({ started }: PlayedParent) => started.at(-1)?.fields.command?.slice(2);

/** Lets the newest worker call back and end. */
async function answer(job: PlayedParent, value: unknown) {
  job.callBack(value);
  await job.settle();
  job.end({ state: 'canceled' });
  return await job.settle();
}

test('a pipeline of three stages runs worker after worker, and hands on what each gave', async () => {
  const job = play(splitAndMerge.stages);

  expect(await job.settle()).toMatchObject({ do: 'wait' });
  expect(job.env).toMatchObject({ source_table: 'upload', delimiter: ';' });
  await answer(job, [{ result_table: 'f1' }, { result_table: 'f2' }]);
  expect(job.env).toMatchObject({ table: 'f1' });
  await answer(job, { csv: 'c1' });
  expect(job.env).toMatchObject({ table: 'f2' });
  await answer(job, { csv: 'c2' });
  expect(job.env).toMatchObject({
    _0_source_file: 'c1',
    _0_origin: 'upload',
    _1_source_file: 'c2',
    _1_origin: 'upload',
  });

  expect(await answer(job, null)).toMatchObject({ do: 'end', verdict: { state: 'succeeded', exitCode: 0 } });
  expect(job.started).toHaveLength(4);
  expect(job.progress.done.map(({ id, outputs }) => [id, outputs])).toEqual([
    ['split', [{ result_table: 'f1' }, { result_table: 'f2' }]],
    ['work', [{ csv: 'c1' }, { csv: 'c2' }]],
    ['merge', [null]],
  ]);
  expect(job.progress).not.toHaveProperty('pipeline');
});

test('a worker is known by its instance, also to workers of the seed era, and gets the data cache', async () => {
  const job = play(one);

  await job.settle();

  const [child] = job.started;
  const { DEP_INSTANCE: instance } = job.env;
  expect(instance).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(job.env).toEqual({
    file: 'upload',
    DEP_INSTANCE: instance,
    WORKER_INSTANCE: instance,
    JOB_CALLBACK_URL: expect.stringMatching(
      /^http:\/\/stint:3232\/job-manager\/jobs\/6U4sncrMsMCMJ6Wb-AvapQ\?t=0123456789abcdef01234567\.[\w-]{43}$/,
    ),
  });
  expect(child).toMatchObject({ queue: null, listed: false, label: { kind: 'worker', name: instance } });
  expect(child?.fields).toMatchObject({
    image: 'registry.example.org/lopco/only:1',
    pullPolicy: 'IfNotPresent',
    options: {
      user: 'image',
      mounts: [{ kind: 'volume', source: 'lopco-data-cache', target: '/data_cache', readOnly: false }],
    },
  });
});

test('inputs win over configs, and neither over what the worker is known by', async () => {
  const worker = { configs: { a: 'config', b: 'config', DEP_INSTANCE: 'forged', n: 1.5, t: true } };
  const job = play([stageOf('only', { a: 'init_source', JOB_CALLBACK_URL: 'init_source' }, { worker })]);

  await job.settle();

  expect(job.env).toMatchObject({ a: 'upload', b: 'config', n: '1.5', t: 'true' });
  expect(job.env.DEP_INSTANCE).not.toBe('forged');
  expect(job.env.JOB_CALLBACK_URL).not.toBe('upload');
});

test('what is known of the platform is handed over', async () => {
  const job = play(one, {
    machines: { 'press-07': { pipeline_id: 'p1', platform_id: 'pl', platform_type_id: null } },
  });

  await job.settle();

  expect(job.env).toMatchObject({ DS_PLATFORM_ID: 'pl' });
  expect(job.env).not.toHaveProperty('DS_PLATFORM_TYPE_ID');
});

test('a planner that is asked twice starts the same worker', async () => {
  const [first, second] = [play(one), play(one)];

  await first.settle();
  await second.settle();

  expect(second.started).toEqual(first.started);
});

test('a worker that has called back is stopped once, and its end is awaited', async () => {
  const job = play(one);
  await job.settle();

  job.callBack({ a: 1 });

  expect(await job.settle()).toMatchObject({ do: 'wait' });
  expect(await job.settle()).toMatchObject({ do: 'wait' });
  expect(job.killed).toHaveLength(1);
});

test('a result counts however its worker ended', async () => {
  const job = play(one);
  await job.settle();
  job.callBack({ a: 1 });
  job.end({ state: 'failed', reason: 'exit_code', exitCode: 3 });

  expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'succeeded' } });
  expect(job.killed).toEqual([]);
});

test('a worker that ended well may have its result on its way for a while', async () => {
  const job = play(one);
  await job.settle();
  job.end();

  expect(await job.settle()).toMatchObject({ do: 'wait', forMs: 10_000 });
  job.later(9_999);
  expect(await job.settle()).toMatchObject({ do: 'wait' });
  job.callBack({ a: 1 });

  expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'succeeded' } });
});

test('without a result the stage fails when that while is over', async () => {
  const job = play([...one, ...one]);
  await job.settle();
  job.end();
  job.later(10_000);

  expect(await job.settle()).toMatchObject({
    do: 'end',
    verdict: { state: 'failed', reason: 'callback_missing', code: 'callback_missing' },
  });
  expect(job.started).toHaveLength(1);
  expect(job.progress.done).toMatchObject([{ id: 'only', outputs: [] }]);
});

test('a worker that was lost with its node may still call back; then the stage says that it was lost', async () => {
  const job = play(one);
  await job.settle();
  job.end({ state: 'lost', code: 'node_lost' });
  expect(await job.settle()).toMatchObject({ do: 'wait', forMs: 10_000 });
  job.later(10_000);

  expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'failed', code: 'worker_lost' } });
});

describe('a worker that says itself that it failed is not waited for', () => {
  const ends: readonly [Partial<Child>, string, string][] = [
    [{ reason: 'exit_code', code: 'exit_code', exitCode: 1 }, 'exit_code', 'exit_code'],
    [{ reason: 'image_unavailable', code: 'image_missing' }, 'image_unavailable', 'image_missing'],
    [{ reason: 'timed_out', code: 'timed_out' }, 'timed_out', 'timed_out'],
    [{ reason: 'out_of_memory', code: 'out_of_memory' }, 'out_of_memory', 'out_of_memory'],
    [{ state: 'canceled' }, 'callback_missing', 'worker_killed'],
  ];

  test.each(ends)('%j', async (end, reason, code) => {
    const job = play(one);
    await job.settle();
    job.end({ state: 'failed', message: 'Why.', ...end });

    expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'failed', reason, code } });
  });
});

test('a worker that is no longer there fails its stage', async () => {
  const job = play(one);
  await job.settle();
  job.forget();

  expect(await job.settle()).toMatchObject({ verdict: { state: 'failed', code: 'worker_gone' } });
});

test('the first worker without a result ends a stage of several, which keeps the outputs it got', async () => {
  const job = play(splitAndMerge.stages);
  await job.settle();
  await answer(job, [{ result_table: 'f1' }, { result_table: 'f2' }, { result_table: 'f3' }]);
  await answer(job, { csv: 'c1' });
  job.end({ state: 'failed', reason: 'exit_code' });

  await job.settle();

  expect(job.started).toHaveLength(3);
  expect(job.progress.done.at(-1)).toMatchObject({ id: 'work', outputs: [{ csv: 'c1' }] });
});

test('an empty list is no result', async () => {
  const job = play(one);
  await job.settle();

  expect(await answer(job, [])).toMatchObject({ verdict: { state: 'failed', code: 'result_empty' } });
});

test('a stage that gives too many outputs fails', async () => {
  const job = play(one);
  await job.settle();

  expect(await answer(job, Array(1001).fill(null))).toMatchObject({
    verdict: { reason: 'payload_refused', code: 'result_too_large' },
  });
});

describe('a job fails before its first stage', () => {
  const cases: readonly [string, Setting, string][] = [
    ['of an unknown machine', {}, 'machine_unknown'],
    ['of a machine without a pipeline', { machines: { 'press-07': {} } }, 'machine_invalid'],
    ['of an unknown pipeline', { machines }, 'pipeline_unknown'],
    ['of a broken pipeline', { machines, pipelines: { p1: { stages: [] } } }, 'pipeline_invalid'],
  ];

  test.each(cases)('%s', async (_, setting, code) => {
    const job = new PlayedParent(setting);

    expect(await job.settle()).toMatchObject({
      do: 'end',
      verdict: { state: 'failed', reason: 'payload_refused', code },
    });
    expect(job.started).toEqual([]);
  });
});

test('a stage whose inputs are not there fails with a reason, and is listed', async () => {
  const job = play([stageOf('only', { file: 'other' })]);

  expect(await job.settle()).toMatchObject({
    verdict: { code: 'inputs_invalid', message: expect.stringContaining('"other"') },
  });
  expect(job.progress.done).toMatchObject([{ id: 'only', outputs: [], workers: [] }]);
});

test('a worker that could not be started for its environment fails the stage', async () => {
  const job = play(one);
  job.progress = { ...job.progress, fileName: 'x'.repeat(140_000) };

  expect(await job.settle()).toMatchObject({ verdict: { code: 'worker_invalid' } });
});

test('the workers of a job get its references of secrets, and nothing that removes files does', async () => {
  const job = play(one, { options: { cleanUpImage: 'busybox' } });
  job.fields = { secretRefs: ['A@kv/data/x.a'] };
  job.sharesLogin = true;
  await job.settle();

  expect(job.started[0]?.fields).toMatchObject({ secretRefs: ['A@kv/data/x.a'], image: expect.any(String) });
  expect(await answer(job, { file: 'f1' })).toMatchObject({ do: 'wait' });
  expect(removed(job)).toEqual(['/data_cache/upload', '/data_cache/f1']);
  expect(job.started.at(-1)).toMatchObject({ sharesLogin: false });
  expect(job.started.at(-1)?.fields).not.toHaveProperty('secretRefs');
});

describe('the data cache', () => {
  const setting = { options: { cleanUpImage: 'busybox' } };

  test('is cleaned of the files of a job by a last child, and the job waits for it', async () => {
    const job = play(one, setting);
    await job.settle();

    expect(await answer(job, { file: 'f1', other: '../../etc/hosts', dots: '..', n: 7 })).toMatchObject({
      do: 'wait',
    });
    expect(removed(job)).toEqual(['/data_cache/upload', '/data_cache/f1']);
    expect(job.started.at(-1)?.fields).toMatchObject({ image: 'busybox', entrypoint: ['rm'] });
    job.end({ state: 'failed', reason: 'exit_code' });
    expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'succeeded' } });
  });

  test('loses only declared files where a worker declares its outputs', async () => {
    const output = {
      fields: [
        { name: 'file', is_file: true },
        { name: 'id', is_file: false },
      ],
    };
    const job = play([stageOf('only', { file: 'init_source' }, { worker: { output } })], setting);
    await job.settle();

    await answer(job, { file: 'f1', id: 'a' });

    expect(removed(job)).toEqual(['/data_cache/upload', '/data_cache/f1']);
  });

  test('is cleaned after a failure too', async () => {
    const job = new PlayedParent(setting);

    expect(await job.settle()).toMatchObject({ do: 'wait' });
    expect(removed(job)).toEqual(['/data_cache/upload']);
    job.end();
    expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'failed' } });
  });

  test('is cleaned after an abort of what workers had given by then', async () => {
    const job = play([...one, stageOf('second', { file: '1:file' })], setting);
    await job.settle();
    await answer(job, { file: 'f1' });
    job.callBack([{ file: 'f2' }, { file: 'f3' }]);
    job.abort();

    expect(removed(job)).toEqual(['upload', 'f1', 'f2', 'f3'].map((name) => `/data_cache/${name}`));
    expect(job.isCleanedUp).toBe(true);
  });

  test('keeps everything where the operator names no image', async () => {
    const job = play(one);
    await job.settle();

    expect(await answer(job, { file: 'f1' })).toMatchObject({ do: 'end' });
  });
});
