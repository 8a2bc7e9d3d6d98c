import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import type { Reach } from '../../../src/job/owner.js';
import type { FollowedOutput } from '../../../src/queue/streams.js';
import { openTestDatabase } from '../../support/database.js';
import { FakeBackend } from '../../support/fake-backend.js';
import type { Act } from '../../support/fake-container.js';
import { FakeSecrets } from '../../support/fake-secrets.js';
import { everyone, openTestNode, type TestNode } from '../../support/test-node.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() => database.clear());

const echoing: readonly Act[] = [{ print: 'ready\n' }, { echo: 'end' }];

async function submit(node: TestNode, acts: readonly Act[], stdin = true) {
  const secrets = node.secrets;
  node.backend.runs(acts);
  return node.submit(null, {
    wrappedSecretId: secrets.addWrap(),
    fields: { image: 'busybox', command: ['true'], options: { stdin } },
  });
}

async function readAll(parts: AsyncIterable<FollowedOutput>, note: (text: string) => void): Promise<string> {
  let all = '';
  for await (const part of parts) {
    if (part.kind === 'gap') continue;
    all += Buffer.from(part.bytes).toString();
    note(all);
  }
  return all;
}

test('output comes while the job runs, input reaches it, and the reading ends with the job', async () => {
  await using node = openTestNode(store);
  node.worker.start();
  const job = await submit(node, echoing);
  let seen = '';
  const reading = readAll(
    node.streams.follow(job.id, everyone, { signal: new AbortController().signal }),
    (text) => {
      seen = text;
    },
  );

  await expect.poll(() => seen, { timeout: 10_000 }).toBe('ready\n');
  await node.streams.write(job.id, everyone, Buffer.from('one\ntw'));
  await node.streams.write(job.id, everyone, Buffer.from('o\n'));
  await expect.poll(() => seen, { timeout: 10_000 }).toBe('ready\none\ntwo\n');
  await node.streams.write(job.id, everyone, Buffer.from('end\n'));

  expect(await reading).toBe('ready\none\ntwo\n');
  expect(await sql`select from job_input`).toHaveLength(0);
});

test('a pipe is talked to beside the output, and only where the job has it', async () => {
  await using node = openTestNode(store);
  node.worker.start();
  node.backend.runs([{ print: 'ready\n' }, { echo: 'end', pipe: 'ctl' }]);
  const job = await node.submit(null, {
    wrappedSecretId: node.secrets.addWrap(),
    fields: { image: 'busybox', command: ['true'], options: { pipes: ['ctl'] } },
  });
  const { signal } = new AbortController();
  const reading = readAll(node.streams.follow(job.id, everyone, { signal, pipe: 'ctl' }), () => undefined);
  const printed = readAll(node.streams.follow(job.id, everyone, { signal }), () => undefined);
  const split = Buffer.from('größe');

  await node.streams.write(job.id, everyone, split.subarray(0, 3), 'ctl');
  await node.streams.write(job.id, everyone, split.subarray(3), 'ctl');
  await node.streams.write(job.id, everyone, Buffer.from('\nend\n'), 'ctl');
  for (const pipe of [undefined, 'other'])
    await expect(node.streams.write(job.id, everyone, split, pipe)).rejects.toMatchObject({
      code: 'conflict',
    });

  expect(await reading).toBe('größe\n');
  expect(await printed).toBe('ready\n');
  expect(await node.streams.position(job.id, everyone, 'ctl')).toBeGreaterThan(0);
});

test('what is sent before the start, and at another node, reaches the program', async () => {
  const shared = { secrets: new FakeSecrets(), backend: new FakeBackend() };
  await using running = openTestNode(store, shared);
  await using asked = openTestNode(store, {
    ...shared,
    sealKey: running.sealKey,
    ringInput: (id) => running.worker.ringInput(id),
  });
  const job = await submit(asked, echoing);
  await asked.streams.write(job.id, everyone, Buffer.from('early\n'));

  running.worker.start();
  await vi.waitFor(async () => expect(await running.stateOf(job)).toBe('running'), { timeout: 10_000 });
  await asked.streams.write(job.id, everyone, Buffer.from('end\n'));

  const follow = asked.streams.follow(job.id, everyone, { signal: new AbortController().signal });
  expect(await readAll(follow, () => undefined)).toBe('ready\nearly\n');
});

test('however much waits for the start, all of it comes, in order', async () => {
  await using node = openTestNode(store);
  const job = await submit(node, echoing);
  const lines = ['a', 'b', 'c', 'd', 'e'].map((letter) => `${letter.repeat(150_000)}\n`);
  for (const line of lines) await node.streams.write(job.id, everyone, Buffer.from(line));
  await node.streams.write(job.id, everyone, Buffer.from('end\n'));

  node.worker.start();

  const follow = node.streams.follow(job.id, everyone, { signal: new AbortController().signal });
  expect(await readAll(follow, () => undefined)).toBe(`ready\n${lines.join('')}`);
});

test('a piece that was changed in the database is left out', async () => {
  await using node = openTestNode(store);
  const job = await submit(node, echoing);
  await node.streams.write(job.id, everyone, Buffer.from('forged\n'));
  await sql`update job_input set sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)`;
  await node.streams.write(job.id, everyone, Buffer.from('end\n'));

  node.worker.start();

  const follow = node.streams.follow(job.id, everyone, { signal: new AbortController().signal });
  expect(await readAll(follow, () => undefined)).toBe('ready\n');
});

test('what is sent is in no row in the clear', async () => {
  await using node = openTestNode(store);
  const job = await submit(node, echoing);
  await node.streams.write(job.id, everyone, Buffer.from('canary-in-the-input'));

  const [row] = await sql<{ found: boolean }[]>`
    select position('canary'::bytea in sealed) > 0 as found from job_input where job_id = ${job.id}`;
  expect(row).toEqual({ found: false });
});

test('a job without an input, one that has ended, and a stranger are refused', async () => {
  await using node = openTestNode(store);
  const deaf = await submit(node, [], false);
  const bytes = Buffer.from('x');
  const stranger = { everyone: false, ownerKey: 'entity:eve' } as const;

  await expect(node.streams.write(deaf.id, everyone, bytes)).rejects.toMatchObject({ code: 'conflict' });
  await expect(node.streams.write(deaf.id, stranger, bytes)).rejects.toMatchObject({ code: 'not_found' });
  await expect(
    readAll(
      node.streams.follow(deaf.id, stranger, { signal: new AbortController().signal }),
      () => undefined,
    ),
  ).rejects.toMatchObject({ code: 'not_found' });

  node.worker.start();
  const ended = await submit(node, []);
  await vi.waitFor(async () => expect(await node.stateOf(ended)).toBe('succeeded'), { timeout: 10_000 });
  await expect(node.streams.write(ended.id, everyone, bytes)).rejects.toMatchObject({ code: 'conflict' });
});

test('a reader that is gone waits for nothing', async () => {
  await using node = openTestNode(store);
  const job = await submit(node, echoing);
  const gone = new AbortController();
  const reading = readAll(node.streams.follow(job.id, everyone, { signal: gone.signal }), () => undefined);

  gone.abort();

  expect(await reading).toBe('');
});

test('a reading from a position leaves out what was printed before it', async () => {
  await using node = openTestNode(store);
  node.worker.start();
  const job = await submit(node, echoing);
  const signal = new AbortController().signal;
  await vi.waitFor(async () => expect((await store.readOutputState(job.id)).seq).toBe(1), {
    timeout: 10_000,
  });
  const from = await node.streams.position(job.id, everyone);
  const reading = readAll(node.streams.follow(job.id, everyone, { signal, from }), () => undefined);
  await node.streams.write(job.id, everyone, Buffer.from('later\nend\n'));

  expect(await reading).toBe('later\n');
});

/** Notes what it is told from when this resolves; what it resolves to settles at the end of the reading. */
async function noteEvents(node: TestNode, reach: Reach, signal: AbortSignal, noted: string[]) {
  const events = await node.streams.events('gostint', reach, signal);
  const read = async () => {
    for await (const { jobId, kind } of events) noted.push(`${jobId} ${kind}`);
  };
  return { ended: read() };
}

test('what is written into histories comes once, in order, to those who may see it', async () => {
  await using node = openTestNode(store);
  const over = new AbortController();
  const [seen, strangers]: [string[], string[]] = [[], []];
  const stranger = { everyone: false, ownerKey: 'entity:eve' } as const;
  const readings = await Promise.all([
    noteEvents(node, everyone, over.signal, seen),
    noteEvents(node, stranger, over.signal, strangers),
  ]);

  const job = await submit(node, []);
  node.worker.start();
  await expect.poll(() => seen, { timeout: 10_000 }).toContain(`${job.id} succeeded`);
  over.abort();
  await Promise.all(readings.map(({ ended }) => ended));

  expect(seen).toEqual([...new Set(seen)]);
  expect(seen.indexOf(`${job.id} submitted`)).toBe(0);
  expect(seen.indexOf(`${job.id} running`)).toBeGreaterThan(0);
  expect(strangers).toEqual([]);
});
