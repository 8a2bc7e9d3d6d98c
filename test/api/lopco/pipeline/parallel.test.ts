import { expect, test } from 'vitest';
import { stageOf } from './documents.js';
import { PlayedParent } from './played-parent.js';

const split = stageOf('split', { file: 'init_source' });
const work = stageOf('work', { part: '1:part' });

/** A job whose second stage has four inputs, and runs this many workers at once. */
async function playFour(parallel: number): Promise<PlayedParent> {
  const job = new PlayedParent({
    machines: { 'press-07': { pipeline_id: 'p1' } },
    pipelines: { p1: { stages: [split, work] } },
    options: { parallel, cleanUpImage: 'busybox' },
  });
  await job.settle();
  job.callBack(['a', 'b', 'c', 'd'].map((part) => ({ part })));
  await job.settle();
  job.end({ state: 'canceled' });
  await job.settle();
  return job;
}

/** The part that each worker of the second stage got, in the order of their starts. */
const partsOf = ({ started }: PlayedParent) =>
  started.slice(1).map(({ fields }) => fields.env?.find((entry) => entry.startsWith('part='))?.slice(5));

const outputs = (job: PlayedParent) => job.progress.done[1]?.outputs;

test('as many workers of a stage run at once as the operator lets, and the next begins when one has ended', async () => {
  const job = await playFour(3);
  expect(partsOf(job)).toEqual(['a', 'b', 'c']);

  job.callBack({ out: 'A' }, 1);
  await job.settle();
  expect(partsOf(job)).toEqual(['a', 'b', 'c']);
  job.end({ state: 'canceled' }, 1);
  await job.settle();

  expect(partsOf(job)).toEqual(['a', 'b', 'c', 'd']);
});

test('outputs are in the order of the inputs, whichever worker is first', async () => {
  const job = await playFour(4);
  for (const number of [4, 2, 1, 3]) {
    job.callBack({ out: `of ${number}` }, number);
    await job.settle();
    job.end({ state: 'canceled' }, number);
    await job.settle();
  }

  expect(outputs(job)).toEqual([1, 2, 3, 4].map((number) => ({ out: `of ${number}` })));
});

test('the first worker that fails ends the stage: the others are killed, and what they gave is listed and removed', async () => {
  const job = await playFour(4);
  job.callBack({ out: 'kept' }, 3);
  job.end({ state: 'succeeded' }, 3);
  await job.settle();

  job.end({ state: 'failed', reason: 'exit_code', exitCode: 1 }, 2);
  expect(await job.settle()).toMatchObject({ do: 'wait' });

  expect(job.killed).toEqual(['1', '2', '5']);
  for (const number of [1, 4]) job.end({ state: 'canceled' }, number);
  await job.settle();
  expect(outputs(job)).toEqual([{ out: 'kept' }]);
  expect(job.started.at(-1)?.fields.command).toContain('/data_cache/kept');
  job.end();
  expect(await job.settle()).toMatchObject({ do: 'end', verdict: { state: 'failed', reason: 'exit_code' } });
});

test('a result that comes late from one worker does not hold the others up', async () => {
  const job = await playFour(2);
  job.end({ state: 'succeeded' }, 1); // Ended well; its result may be on its way.
  expect(await job.settle()).toMatchObject({ do: 'wait', forMs: 10_000 });
  job.callBack({ out: 'B' }, 2);
  await job.settle();
  job.end({ state: 'canceled' }, 2);
  await job.settle();
  job.callBack({ out: 'A' }, 1);
  await job.settle();

  expect(partsOf(job)).toEqual(['a', 'b', 'c', 'd']);
  expect(job.progress.current?.outputs).toEqual([{ out: 'A' }, { out: 'B' }]);
});

test('one worker at a time is stored as before there could be more', async () => {
  const job = await playFour(1);

  expect(partsOf(job)).toEqual(['a']);
  expect(job.progress.current).toMatchObject({ worker: { instance: job.started[1]?.label?.name } });
  expect(job.progress.current).not.toHaveProperty('beside');
});
