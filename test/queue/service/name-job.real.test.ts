import { afterAll, beforeEach, expect, test } from 'vitest';
import { newJobId } from '../../../src/job/id.js';
import type { JobRequest } from '../../../src/job/job.js';
import { nameAndStoreJob } from '../../../src/queue/service/name-job.js';
import { createQueue } from '../../../src/queue/service/queue-service.js';
import { openRequest } from '../../../src/queue/service/seal.js';
import { openTestDatabase } from '../../support/database.js';
import { noParents } from '../../support/fake-queue.js';
import { claimOne, owner, submit, submitInto } from '../../support/stored-jobs.js';
import { openTestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const sealKey = Buffer.alloc(32, 7);
const project = 'vision';

const fields = { image: 'busybox', env: ['A=1'] };
const opened = { wrappedSecretId: undefined, ciphertext: undefined, fields };

function storeIt({ label = { project }, ...changes }: Partial<JobRequest>, drawing = store) {
  const { unlistAfterMs, ...naming } = changes;
  const job = { door: 'runai', queue: null, owner, label, unlistAfterMs } as const;
  return nameAndStoreJob({ store: drawing, sealKey }, job, opened, naming);
}

/** What was sealed of the next job. */
async function openNext() {
  const claim = await claimOne(store);
  return (await openRequest(sealKey, claim, claim.sealed)).fields;
}

/** The number that the next name gets. */
async function nextNumber(): Promise<number> {
  return (await store.drawNameNumber()) + 1;
}

test('a job without a name gets the prefix and the next number', async () => {
  const next = await nextNumber();

  const names = [];
  for (const namePrefix of ['job', 'prep']) names.push((await storeIt({ namePrefix })).job.label.name);

  expect(names).toEqual([`job-${next}`, `prep-${next + 1}`]);
});

test('numbers in use are skipped, whoever submits at the same time', async () => {
  const next = await nextNumber();
  const taken = [next, next + 1, next + 3].map((number) => `job-${number}`);
  for (const name of taken) await submit(store, { door: 'runai', queue: null, label: { project, name } });

  const stored = await Promise.all(Array.from({ length: 8 }, () => storeIt({ namePrefix: 'job' })));

  const names = stored.map(({ job }) => job.label.name);
  expect(new Set(names).size).toBe(8);
  expect(names.filter((name) => taken.includes(name ?? ''))).toEqual([]);
  expect((await sql`select count(*)::integer as count from jobs`)[0]).toEqual({ count: 11 });
});

test('of equal names that are asked for at the same time one is stored, and the others are refused', async () => {
  const label = { project, name: 'train' };

  const answers = await Promise.allSettled(Array.from({ length: 6 }, () => storeIt({ label })));

  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
  expect(refused).toEqual(Array.from({ length: 5 }, () => 'name_taken'));
  expect((await sql`select count(*)::integer as count from jobs`)[0]).toEqual({ count: 1 });
});

test('the search for a name ends', async () => {
  let drawn = 0;
  const refusing = {
    ...store,
    drawNameNumber: async () => {
      drawn++;
      return 1;
    },
  };
  await submit(store, { door: 'runai', queue: null, label: { project, name: 'job-1' } });

  const storing = storeIt({ namePrefix: 'job' }, refusing);

  await expect(storing).rejects.toMatchObject({ code: 'name_taken' });
  expect(drawn).toBe(100);
});

test('a chosen name is refused while another job has it, and free when the listing of that one is over', async () => {
  const job = { door: 'runai', queue: null, label: { project, name: 'train' } } as const;
  const id = await submit(store, job);
  await expect(storeIt({ label: job.label })).rejects.toMatchObject({ code: 'name_taken' });
  await store.unlistJob(id, { reach: { everyone: true }, actor: owner.key });
  await sql`update jobs set turn = false, state = 'canceled', finished_at = now()`;
  await submitInto(store, 'succeeded', { ...job, unlistAfterMs: 0 });

  expect((await storeIt({ label: job.label })).job.label).toMatchObject(job.label);
});

test('a job is told its id, its name and its run in the variables that it asks for', async () => {
  const identityEnv = { JOB_NAME: 'name', JOB_UUID: 'id', POD_UUID: 'run' } as const;

  const { job } = await storeIt({ namePrefix: 'job', identityEnv, unlistAfterMs: 5 });

  expect(await openNext()).toEqual({
    image: 'busybox',
    env: [
      `JOB_NAME=${job.label.name}`,
      `JOB_UUID=${job.id}`,
      expect.stringMatching(/^POD_UUID=[0-9a-f]{8}-[0-9a-f-]{27}$/),
      'A=1',
    ],
  });
});

test('a job that asks for no such variable is sealed as it came', async () => {
  await storeIt({ label: { project, name: newJobId() } });

  expect(await openNext()).toEqual(fields);
});

test('a submit under a key gets one name, also where the first number was taken, and its repeat the same', async () => {
  const next = await nextNumber();
  await submit(store, { door: 'runai', queue: null, label: { project, name: `job-${next}` } });
  const queue = createQueue({
    ...openTestNode(store),
    store,
    keyTtlMs: 60_000,
    queueLimit: 0,
    wrapMinimumMs: 0,
    wake: () => undefined,
    forwardKill: () => undefined,
    parents: noParents,
  });
  const request = {
    door: 'runai',
    queue: null,
    owner,
    wrappedSecretId: undefined,
    payload: { kind: 'none' },
    fields,
    label: { project },
    namePrefix: 'job',
  } as const;

  const first = await queue.submit(request, 'key-1');
  const again = await queue.submit(request, 'key-1');

  expect(first.label.name).toBe(`job-${next + 1}`);
  expect(again).toMatchObject({ id: first.id, label: first.label, isReplay: true });
  await expect(queue.submit({ ...request, namePrefix: 'other' }, 'key-1')).rejects.toMatchObject({
    code: 'key_reused',
  });
});
