import { beforeEach, expect, test } from 'vitest';
import type { Backend } from '../../../src/executor/backend.js';
import { BrokenError } from '../../../src/job/errors.js';
import type { Job } from '../../../src/job/job.js';
import { createProcesses, takeSignal } from '../../../src/queue/service/process-service.js';
import { newJob } from '../../support/fake-queue.js';

const everyone = { everyone: true } as const;
const usage = { osPid: 7 } as Awaited<ReturnType<Backend['usage']>>;
const here = { state: 'running', node: 'node-1', containerId: 'c1' } as const;

let job: Job | undefined;
let sent: string[];
let forwarded: string[];
let backend: Pick<Backend, 'signal' | 'usage'>;

beforeEach(() => {
  sent = [];
  forwarded = [];
  backend = {
    signal: async (id, signal) => sent.push(`${id} ${signal}`) > 0,
    usage: async () => usage,
  };
});

const facts = { outputComplete: true, outputFlaw: undefined };
const parts = () => ({
  store: { findJob: async () => job && { job, ...facts } },
  backend,
  node: 'node-1',
  forwardSignal: (id: string, signal: number) => void forwarded.push(`${id} ${signal}`),
});
const processes = () => createProcesses(parts());

test('a signal to a job of this node goes to its container', async () => {
  job = newJob(here);

  await processes().signal(job.id, everyone, 15);

  expect({ sent, forwarded }).toEqual({ sent: ['c1 15'], forwarded: [] });
});

test('a signal to a job of another node is forwarded; what the job uses is not known here', async () => {
  job = newJob({ ...here, node: 'node-2' });

  await processes().signal(job.id, everyone, 15);

  expect({ sent, forwarded }).toEqual({ sent: [], forwarded: [`${job.id} 15`] });
  expect(await processes().usage(job.id, everyone)).toBeUndefined();
});

test.each(['queued', 'preparing', 'stopping', 'succeeded'] as const)(
  'a job that is %s gets no signal and uses nothing',
  async (state) => {
    job = newJob({ ...here, state });

    await processes().signal(job.id, everyone, 15);

    expect({ sent, forwarded }).toEqual({ sent: [], forwarded: [] });
    expect(await processes().usage(job.id, everyone)).toBeUndefined();
  },
);

test('a signal that was forwarded is sent by the node that runs the job, and by no other', async () => {
  job = newJob(here);
  await takeSignal(parts(), job.id, 9);
  job = newJob({ ...here, node: 'node-2' });
  await takeSignal(parts(), job.id, 9);
  job = undefined;
  await takeSignal(parts(), 'gone', 9);

  expect(sent).toEqual(['c1 9']);
});

test('what a job uses is told while its engine can tell', async () => {
  job = newJob(here);
  expect(await processes().usage(job.id, everyone)).toEqual(usage);

  backend = { ...backend, usage: () => Promise.reject(new BrokenError('engine_unavailable', 'Gone.')) };

  expect(await processes().usage(job.id, everyone)).toBeUndefined();
});

test('a job that is not there, or is out of reach, is refused', async () => {
  job = undefined;

  await expect(processes().signal('x', everyone, 1)).rejects.toMatchObject({ code: 'not_found' });
  await expect(processes().usage('x', everyone)).rejects.toMatchObject({ code: 'not_found' });
});
