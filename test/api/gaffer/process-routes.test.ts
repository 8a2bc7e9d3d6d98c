import { expect, test } from 'vitest';
import { accepted, createGafferApp, missing } from './gaffer-app.js';

const osPid = 4711;
const nothing = {
  cpuPercent: undefined,
  memoryPercent: undefined,
  residentBytes: undefined,
  virtualBytes: undefined,
  cpuTimeMs: undefined,
};

test('a process is shown with what it was started with', async () => {
  const { ask, load, usage } = createGafferApp();
  await load({
    cmd: 'httpd -p $PORT',
    args: ['cost: $$5', '$NOPE'],
    env: { PORT: 8080, ROOT: '/srv' },
    redirect_output: ['out', 'err'],
  });
  usage.set('1', { ...nothing, osPid });

  expect(await ask('GET', '/1')).toEqual({
    status: 200,
    body: {
      pid: 1,
      name: 'shop.web',
      cmd: 'httpd',
      args: ['-p', '8080', 'cost: $5', '$NOPE'],
      env: { PORT: '8080', ROOT: '/srv' },
      uid: 2001,
      gid: 2001,
      os_pid: osPid,
      create_time: 1760797122.101,
      commited: false,
      redirect_output: ['out', 'err'],
      redirect_input: false,
      custom_streams: [],
      active: true,
    },
  });
});

test('a committed process is shown with its own environment', async () => {
  const { ask, load } = createGafferApp();
  await load({ cmd: 'httpd -p $PORT', env: { PORT: 8080 } });
  await ask('POST', '/jobs/shop/web/commit', { env: { PORT: 9090 } });

  expect(await ask('GET', '/2')).toMatchObject({
    body: { args: ['-p', '9090'], env: { PORT: '9090' }, commited: true, os_pid: null },
  });
});

test('a process is there until its stop is asked for, or it ended', async () => {
  const { ask, load, queue, send } = createGafferApp();
  await load({ numprocesses: 2 });

  expect((await send('HEAD', '/1')).status).toBe(200);
  expect(await ask('DELETE', '/1')).toEqual(accepted);

  expect(await ask('GET', '/1')).toEqual(missing);
  expect((await send('HEAD', '/1')).status).toBe(404);
  expect(await ask('DELETE', '/1')).toEqual(missing);
  expect(await ask('GET', '/jobs/shop/web/pids')).toMatchObject({ body: { pids: [2, 3] } });
  const { id } = await queue.find({ door: 'gaffer', project: undefined, name: '2' }, { everyone: true });
  await queue.end(id);
  expect(await ask('GET', '/2')).toEqual(missing);
  expect(await ask('GET', '/pids')).toMatchObject({ body: { pids: [3, 4] } });
});

test('a signal goes to one process', async () => {
  const { ask, load, signals } = createGafferApp();
  await load({ numprocesses: 2 });

  expect(await ask('POST', '/2/signal', { signal: 'HUP' })).toEqual(accepted);
  expect(await ask('POST', '/9/signal', { signal: 'HUP' })).toEqual(missing);
  expect(await ask('POST', '/2/signal', { signal: 'NOSUCH' })).toMatchObject({
    status: 400,
    body: { error: 'bad_signal' },
  });

  expect(signals).toEqual(['1 2']);
});

test('the stats of a process are in an object of their own', async () => {
  const { ask, load, usage } = createGafferApp();
  await load();
  usage.set('1', { ...nothing, osPid, residentBytes: 5 * 1024 ** 2 });

  expect(await ask('GET', '/1/stats')).toEqual({
    status: 200,
    body: { stats: { mem_info1: '5M', mem_info2: 'N/A', cpu: 'N/A', mem: 'N/A', ctime: 'N/A' } },
  });
  expect(await ask('GET', '/2/stats')).toEqual(missing);
});

test.each(['/999999', '/0', '/01', '/001/stats', '/99999999999', '/1234567890123456789012', '/1a', '/-1'])(
  'there is no process %s',
  async (path) => {
    const { ask } = createGafferApp();

    expect((await ask('GET', path)).status).toBe(404);
  },
);
