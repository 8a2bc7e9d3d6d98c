import { beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../../../src/job/job.js';
import { createGafferApp, type GafferApp } from '../gaffer-app.js';

const everyone = { everyone: true } as const;
let on: GafferApp;
let id: string;

beforeEach(() => {
  on = createGafferApp();
});

async function load(changes: object = {}): Promise<void> {
  await on.load(changes);
  id =
    on.queue.submitted.length === 0
      ? ''
      : ((await on.queue.listed({ door: 'gaffer', project: 'shop' }, everyone))[0]?.id ?? '');
}

/** Pids of the processes that nobody asked to stop, oldest first. */
async function pids(): Promise<number[]> {
  const { active } = await on.queue.parent(id, everyone);
  return active.filter(({ killRequested }) => !killRequested).map(({ label }) => Number(label.name));
}

const jobOf = async (pid: number): Promise<Job> => {
  const children = await on.queue.children(id, everyone);
  return children.find(({ label }) => label.name === String(pid)) ?? expect.unreachable(`no process ${pid}`);
};
const end = async (pid: number, changes: Partial<Job> = {}) => on.queue.end((await jobOf(pid)).id, changes);
const state = (word: string) => on.ask('POST', '/jobs/shop/web/state', word);
const scale = (value: unknown) => on.ask('POST', '/jobs/shop/web/numprocesses', { scale: value });
const info = async () => (await on.ask('GET', '/jobs/shop/web')).body as Record<string, unknown>;

describe('a loaded job', () => {
  test('has as many processes as it says, each a listed job of its own', async () => {
    await load({ numprocesses: 3, cmd: 'httpd -f', image: 'busybox:1.36' });

    expect(await pids()).toEqual([1, 2, 3]);
    expect(on.queue.made).toHaveLength(3);
    expect(on.queue.made[0]).toEqual({
      slot: 0,
      queue: null,
      listed: true,
      unlistAfterMs: 0,
      label: { name: '1', kind: 'process' },
      fields: {
        image: 'busybox:1.36',
        entrypoint: ['httpd'],
        command: ['-f'],
        env: [],
        options: { stopGraceMs: 10_000 },
      },
    });
  });

  test('that is not to start has none until it is started, or scaled', async () => {
    await load({ start: false, numprocesses: 2 });
    expect(await pids()).toEqual([]);

    await scale(1);

    expect(await pids()).toEqual([1, 2, 3]);
  });

  test('gets another process for each that ends, whatever its status', async () => {
    await load({ numprocesses: 2 });

    await end(1, { state: 'succeeded', exitCode: 0, startedAt: new Date(0) });
    await on.queue.pass(2_000, id);
    await end(3, { startedAt: new Date(0) });

    expect(await pids()).toEqual([2, 4]);
  });

  test('gets another process at once for one whose stop was asked for', async () => {
    await load({ numprocesses: 2 });

    await on.ask('DELETE', '/1');

    expect(await pids()).toEqual([2, 3]);
  });

  test('that is detached gets none for a process that has ended, until it is started again', async () => {
    await load({ detach: true, numprocesses: 2 });
    await end(1);
    expect(await pids()).toEqual([2]);
    await scale(1);
    expect(await pids()).toEqual([2, 3]);

    await state('0');
    await state('1');

    expect(await pids()).toEqual([4, 5]);
  });
});

describe('a stop', () => {
  test('ends all processes, also committed ones, and none comes after them', async () => {
    await load({ numprocesses: 2 });
    await on.ask('POST', '/jobs/shop/web/commit');

    await state('0');
    await end(1, { state: 'canceled' });

    expect(await pids()).toEqual([]);
    expect(await info()).toMatchObject({ active: false, max_processes: 0, processes: [] });
  });

  test('lets a later commit run', async () => {
    await load();
    await state('0');

    expect(await on.ask('POST', '/jobs/shop/web/commit')).toEqual({ status: 200, body: { pid: 2 } });

    expect(await pids()).toEqual([2]);
  });

  test('is undone by a start, with the configured number', async () => {
    await load({ numprocesses: 2 });
    await state('0');
    await scale(5);
    expect(await pids()).toEqual([]);
    expect(await info()).toMatchObject({ max_processes: 5 });

    await state('1');

    expect(await pids()).toEqual([3, 4]);
  });
});

describe('a start of a running job', () => {
  test('scales it back to the configured number', async () => {
    await load();
    await scale(2);

    await state('1');

    expect(await pids()).toEqual([3]);
  });
});

describe('a reload', () => {
  test('replaces all processes and ends committed ones', async () => {
    await load({ numprocesses: 2 });
    await scale(1);
    await on.ask('POST', '/jobs/shop/web/commit');

    await state('2');

    expect(await pids()).toEqual([5, 6]);
  });

  test('does not start a job that is stopped', async () => {
    await load();
    await state('0');

    await state('2');

    expect(await pids()).toEqual([]);
  });
});

describe('another configuration', () => {
  test('has new processes with it', async () => {
    await load({ numprocesses: 3 });

    expect(await on.ask('PUT', '/jobs/shop/web', { cmd: 'nginx', numprocesses: 1 })).toEqual({
      status: 201,
      body: { ok: true },
    });

    expect(await pids()).toEqual([4]);
    expect(on.queue.made.at(-1)?.fields).toMatchObject({ entrypoint: ['nginx'] });
    expect(await info()).toMatchObject({ max_processes: 1, config: { name: 'web', cmd: 'nginx' } });
  });

  test('does not start a job that is stopped', async () => {
    await load();
    await state('0');

    await on.ask('PUT', '/jobs/shop/web', { cmd: 'nginx', numprocesses: 2 });
    expect(await pids()).toEqual([]);
    await state('1');

    expect(await pids()).toEqual([2, 3]);
  });
});

describe('a scale', () => {
  test('down ends the oldest first, and never goes below none', async () => {
    await load({ numprocesses: 3 });

    await scale(-1);
    expect(await pids()).toEqual([2, 3]);
    expect((await scale(-7)).body).toEqual({ numprocesses: 0 });

    expect(await pids()).toEqual([]);
  });
});

const commit = (body?: object) => on.ask('POST', '/jobs/shop/web/commit', body);

describe('a commit', () => {
  test('starts one more process with its own environment, which is not replaced', async () => {
    await load({ cmd: 'httpd -p $PORT', env: { PORT: 8080, ROOT: '/srv' } });

    expect(await commit({ env: { PORT: 9090 }, graceful_timeout: 3 })).toEqual({
      status: 200,
      body: { pid: 2 },
    });

    expect(on.queue.made.at(-1)?.fields).toMatchObject({
      command: ['-p', '9090'],
      env: ['PORT=9090', 'ROOT=/srv'],
      options: { stopGraceMs: 3_000 },
    });
    expect(await info()).toMatchObject({ running: 2, running_out: 1, max_processes: 1, processes: [1, 2] });
    await end(2);
    expect(await pids()).toEqual([1]);
    await end(1, { startedAt: new Date(0) });
    expect(on.queue.made.at(-1)?.fields).toMatchObject({ command: ['-p', '8080'] });
  });

  test('is refused where there are very many', async () => {
    await load({ start: false });
    for (let count = 0; count < 64; count++) await commit();

    expect(await commit()).toMatchObject({ status: 409, body: { error: 'process_conflict', errno: 409 } });

    await end(1);
    expect(await commit()).toMatchObject({ status: 200 });
  });
});

describe('a job whose processes keep ending', () => {
  const flapping = { attempts: 2, window: 1, retry_in: 7, max_retry: 1 };

  test('is stopped, tried again, and given up', async () => {
    await load({ numprocesses: 2, flapping });

    await end(1, { exitCode: 127, message: 'The command was not found.' });
    expect(await pids()).toEqual([2, 3]);
    await end(2);
    expect(await pids()).toEqual([]);
    expect(on.queue.forMs).toBe(7_000);

    await on.queue.pass(7_000, id);
    expect(await pids()).toEqual([4, 5]);
    await end(4);
    await end(5, { exitCode: 127, message: 'The command was not found.' });

    expect(await pids()).toEqual([]);
    expect(on.queue.forMs).toBeUndefined();
    expect(await info()).toMatchObject({
      active: false,
      last_exit: { pid: 5, state: 'failed', exit_code: 127, reason: 'The command was not found.' },
    });
  });

  test('is started again by a client, and may try as often as before', async () => {
    await load({ flapping: { ...flapping, max_retry: 0, attempts: 1 } });
    await end(1);
    expect(await pids()).toEqual([]);

    await state('1');

    expect(await pids()).toEqual([2]);
  });

  test('waits longer before each further try', async () => {
    await load({ flapping: { ...flapping, attempts: 100, window: 0 } });
    await end(1);
    expect(await pids()).toEqual([2]);

    await end(2);

    expect(await pids()).toEqual([]);
    expect(on.queue.forMs).toBe(500);
    await on.queue.pass(500, id);
    expect(await pids()).toEqual([3]);
  });

  test('is not to blame for a node that was lost', async () => {
    await load({ flapping: { ...flapping, attempts: 1 } });

    await end(1, { state: 'lost' });

    expect(await pids()).toEqual([2]);
  });
});
