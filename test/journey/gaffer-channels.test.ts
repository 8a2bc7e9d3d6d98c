import { afterAll, afterEach, expect, test } from 'vitest';
import { GafferClient } from './gaffer-client.js';
import { EventSocket, ProcessSocket } from './gaffer-socket.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName } from './vault-operator.js';

const on = await startStintOnRig({ STINT_GAFFER_IMAGE: image, STINT_SLOTS: '16' });
afterAll(() => on[Symbol.asyncDispose]());

const token = await on.client.minimalToken();
const gaffer = new GafferClient(on.stint.url, token);
const loaded: string[] = [];
const poll = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 30_000 });

afterEach(async () => {
  for (const name of loaded.splice(0)) await gaffer.unload(name);
});

function newName(): string {
  const name = `${uniqueName().replaceAll(/[^a-z0-9]/g, '')}.web`;
  loaded.push(name);
  return name;
}

/** Says on stderr what it hears, prints it, and ends at `end`. */
const echo = `echo up; while read -r line && [ "$line" != end ]; do echo "$line"; echo "heard $line" >&2; done; exit 3`;
const echoing = { cmd: 'sh -c', args: [echo], redirect_input: true, redirect_output: ['out', 'err'] };

async function load(config: object): Promise<{ readonly name: string; readonly pid: number }> {
  const name = newName();
  const [session = '', label] = name.split('.');
  await gaffer.load(session, { name: label, ...config });
  const [pid = 0] = await gaffer.pids(name);
  return { name, pid };
}

const channel = (
  pid: number,
  rest = '',
  headers: Readonly<Record<string, string>> = { 'X-Api-Key': token },
) => new ProcessSocket(`${on.stint.url}/${pid}/channel${rest}`, headers).opened();
const events = (headers: Readonly<Record<string, string>> = { 'X-Api-Key': token }) =>
  new EventSocket(`${on.stint.url}/channel/websocket`, headers).opened();

test('what a process prints comes as it prints it, what is written reaches it, and its end closes the channel', async () => {
  const { pid } = await load({ ...echoing, detach: true });
  await using both = await channel(pid);
  await using errors = await channel(pid, '/err?mode=1');

  await poll(() => both.printed).toBe('up\n');
  const id = both.write('größe\n');
  await poll(() => both.answerTo(id)).toBe('OK');
  await poll(() => both.printed).toBe('up\ngröße\n');
  await poll(() => errors.printed).toBe('heard größe\n');
  both.write('end\n');

  await poll(() => [both.closed, errors.closed]).toEqual([1000, 1000]);
  expect(both.printed).toBe('up\ngröße\n');
});

test('a custom stream is a pair of pipes of its own, beside the usual streams', async () => {
  const script =
    'echo up; exec 3<>"$GAFFER_STREAM_CTL_1.in" 4<>"$GAFFER_STREAM_CTL_1.out"; while read -r line <&3 && [ "$line" != end ]; do echo "got $line" >&4; done; echo bye >&4';
  const { pid } = await load({
    cmd: 'sh -c',
    args: [script],
    redirect_output: ['out'],
    custom_streams: ['ctl-1', 'unused'],
    detach: true,
  });
  await using out = await channel(pid, '/out?mode=1');
  await using ctl = await channel(pid, '/ctl-1');
  await using commands = await events();
  commands.subscribe(`STREAM:${pid}.ctl-1`);
  await poll(() => commands.messages).toContainEqual(
    expect.objectContaining({ event: 'gaffer:subscription_success' }),
  );
  const id = ctl.write('one\n');
  await poll(() => ctl.answerTo(id)).toBe('OK');
  await poll(() => ctl.printed).toBe('got one\n');
  const info = (await gaffer.ask('GET', `/${pid}`)).body;
  const sent = commands.command('send', [pid, ['two\n', 'end\n'], 'ctl-1']);

  await poll(() => [out.closed, ctl.closed]).toEqual([1000, 1000]);
  expect(ctl.printed).toBe('got one\ngot two\nbye\n');
  expect(out.printed).toBe('up\n');
  expect(info).toMatchObject({ custom_streams: ['ctl-1', 'unused'] });
  expect(commands.resultOf(sent)).toEqual({ ok: true });
  const streamed = () => commands.told(`STREAM:${pid}.ctl-1`).map(({ data }) => data);
  await poll(() => streamed().join('')).toBe('got one\ngot two\nbye\n');
});

test('one label for both streams merges them', async () => {
  const { pid } = await load({ ...echoing, redirect_output: ['all', 'all'] });
  await using socket = await channel(pid, '/all');
  await poll(() => socket.printed).toBe('up\n');
  const id = socket.write('x\n');

  await poll(() => socket.printed).toMatch(/^up\n(?:x\nheard x|heard x\nx)\n$/);
  expect(socket.answerTo(id)).toBe('OK');
});

test.each([
  ['/nolabel', { error: 'ENOENT', errno: 404 }],
  ['?mode=2', { error: 'EPERM', errno: 403 }],
  ['', { error: 'EPERM', errno: 403 }],
  ['?mode=9', { error: 'bad_value', errno: 400 }],
])('a channel that the process has not, "%s", is told why and closed', async (rest, problem) => {
  const { pid } = await load({ cmd: 'sleep 300', redirect_output: ['out'] });
  await using socket = await channel(pid, rest);

  await poll(() => socket.closed).toBe(1000);
  const [frame] = socket.frames;
  expect(frame).toMatchObject({ type: 'error', id: 'gaffer_error' });
  expect(JSON.parse(frame?.body ?? '')).toMatchObject(problem);
});

test('writing into a channel for reading is refused, and the channel stays open', async () => {
  const { pid } = await load(echoing);
  await using socket = await channel(pid, '?mode=1');
  const id = socket.write('x\n');

  await poll(() => socket.answerTo(id)).toContain('EPERM');
  await poll(() => socket.printed).toBe('up\n');
  expect(socket.closed).toBeUndefined();
});

test('a token may come in the first frame; without a good one nothing is shown', async () => {
  const { pid } = await load(echoing);
  await using late = await channel(pid, '', {});
  const known = late.write(`AUTH:${token}`);
  await poll(() => late.answerTo(known)).toBe('OK');
  late.write('known\n');
  await poll(() => late.printed).toMatch(/^(?:up\n)?known\n$/);
  await using none = await channel(pid, '', {});
  none.write('hello\n');
  await poll(() => none.closed).toBe(1000);
  expect(none.frames.map(({ body }) => JSON.parse(body) as object)).toMatchObject([
    { error: 'AUTH_REQUIRED' },
  ]);
  const stranger = await channel(pid, '', {});
  stranger.write('AUTH:hvs.nonesuch');
  await poll(() => stranger.closed).toBe(1000);
  expect(stranger.printed).toBe('');
});

test('a bad token in a header, and a page of another origin, get no WebSocket', async () => {
  await expect(events({ 'X-Api-Key': 'hvs.nonesuch' })).rejects.toThrow('403');
  await expect(events({ 'X-Api-Key': token, Origin: 'https://evil.example' })).rejects.toThrow('403');
});

test('a client that subscribed to events hears of a job from its load to its end', async () => {
  await using socket = await events();
  socket.subscribe('EVENTS');
  await poll(() => socket.messages).toContainEqual({ event: 'gaffer:subscription_success', topic: 'EVENTS' });
  const { name, pid } = await load(echoing);
  socket.subscribe(`PROCESS:${pid}`);
  await gaffer.ask('POST', `/jobs/${name.replace('.', '/')}/numprocesses`, { scale: '=2' });
  await poll(() => gaffer.pids(name)).toHaveLength(2);
  await using out = await channel(pid);
  out.write('end\n'); // It waits for the program.
  // What the tests before unloaded may end only now.
  const own = () => socket.told('EVENTS').filter((event) => event['name'] === name);
  await poll(() => own().find(({ event }) => event === 'exit')).toMatchObject({
    name,
    pid,
    exit_status: 3,
    term_signal: 0,
    once: false,
  });
  await gaffer.unload(name);

  const all = () => own().map(({ event }) => event);
  await poll(all).toContain('unload');
  expect(all().slice(0, 3)).toEqual(['load', 'start', `job.${name}.start`]);
  expect(all()).toEqual(
    expect.arrayContaining(['spawn', `job.${name}.spawn`, 'update', `proc.${pid}.exit`, 'reap']),
  );
  expect(socket.events(`PROCESS:${pid}`).slice(-2)).toEqual(['exit', 'reap']);
});

test('streams and stats can be subscribed to, and unsubscribed from', async () => {
  const { name, pid } = await load(echoing);
  await using socket = await events({});
  socket.say(`AUTH:${token}`);
  for (const topic of [`STREAM:${pid}.err`, `STATS:${pid}`, `STATS:${name}`]) socket.subscribe(topic);
  await poll(() =>
    socket.messages.filter(({ event }) => event === 'gaffer:subscription_success'),
  ).toHaveLength(3);
  const sent = socket.command('send', [pid, ['x', '\n']]);
  await poll(() => socket.resultOf(sent)).toEqual({ ok: true });

  await poll(() => socket.told(`STREAM:${pid}.err`)).toEqual([
    { event: 'err', topic: `STREAM:${pid}.err`, name, pid, data: 'heard x\n' },
  ]);
  await poll(() => socket.told(`STATS:${pid}`).at(-1)).toMatchObject({
    event: 'stat',
    pid,
    os_pid: expect.any(Number),
  });
  await poll(() => socket.told(`STATS:${name}`).at(-1)).toMatchObject({ event: 'stat', name });
  socket.say({ event: 'UNSUB', data: { topic: `STATS:${pid}` } });
  await poll(() => socket.messages.filter(({ topic }) => topic === `STATS:${pid}`)).toHaveLength(2);
});

test('who comes later is sent what is printed from then on, not what was printed before', async () => {
  const { pid } = await load(echoing);
  await using early = await channel(pid);
  await poll(() => early.printed).toBe('up\n');
  await using late = await channel(pid);
  await using socket = await events();
  socket.subscribe(`STREAM:${pid}`);
  await poll(() => socket.messages).toHaveLength(1);
  const id = late.write('x\n');
  await poll(() => late.answerTo(id)).toBe('OK');

  await poll(() => early.printed).toBe('up\nx\n');
  await poll(() => late.printed).not.toBe('');
  await poll(() => socket.told(`STREAM:${pid}`)).not.toEqual([]);
  expect(late.printed).toBe('x\n');
  expect(socket.told(`STREAM:${pid}`)).toMatchObject([{ data: 'x\n' }]);
});

test('a topic ends with its process: asked for again, it is told to be not there', async () => {
  const { pid } = await load({ ...echoing, detach: true });
  await using socket = await events();
  const topics = [`STREAM:${pid}`, `STATS:${pid}`];
  for (const topic of topics) socket.subscribe(topic);
  const successes = () => socket.messages.filter(({ event }) => event === 'gaffer:subscription_success');
  await poll(() => successes().map(({ topic }) => topic)).toEqual(topics);
  socket.command('send', [pid, 'end\n']);

  for (const topic of topics)
    await poll(() => {
      socket.subscribe(topic);
      return socket.messages;
    }).toContainEqual({ event: 'subscription_error', topic, data: { reason: 'not_found' } });
  expect(socket.closed).toBeUndefined();
});

test('commands do what the routes do', async () => {
  await using socket = await events();
  const name = newName();
  const [sessionid = '', label] = name.split('.');
  const run = async (command: string, ...args: unknown[]) => {
    const id = socket.command(command, args, command === 'load' || command === 'update' ? { sessionid } : {});
    await poll(() => socket.resultOf(id)).toBeDefined();
    return socket.resultOf(id);
  };
  const config = { name: label, ...echoing };

  expect(await run('load', { ...config, start: true })).toEqual({ ok: true });
  expect(await run('load', config)).toMatchObject({ errno: 409, reason: 'process_conflict' });
  expect(await run('sessions')).toEqual({ sessions: [sessionid] });
  expect(await run('jobs')).toEqual({ jobs: [name] });
  expect(await run('jobs', sessionid)).toEqual({ sessionid, jobs: [name] });
  expect(await run('scale', name, '+1')).toEqual({ numprocesses: 2 });
  const { pids } = (await run('pids', name)) as { pids: number[] };
  expect(pids).toHaveLength(2);
  expect(await run('process_info', pids[0])).toMatchObject({
    info: { pid: pids[0], name, redirect_input: true },
  });
  expect(await run('process_stats', pids[0])).toMatchObject({ stats: { pid: pids[0] } });
  expect(await run('info', name)).toMatchObject({ info: { name, running: 2 } });
  expect(await run('stats', name)).toMatchObject({ stats: { name } });
  expect(await run('kill', pids[0], 'CONT')).toEqual({ ok: true });
  expect(await run('killall', name, 18)).toEqual({ ok: true });
  expect(await run('stop_process', pids[0])).toEqual({ ok: true });
  expect(await run('stopall', name)).toEqual({ ok: true });
  expect(await run('commit', name, 1, { X: '1' })).toMatchObject({ ok: true, pid: expect.any(Number) });
  expect(await run('update', { ...config, numprocesses: 1 })).toEqual({ ok: true });
  expect(await run('stop_job', name)).toEqual({ ok: true });
  expect(await run('start_job', name)).toEqual({ ok: true });
  expect(await run('reload', name)).toEqual({ ok: true });
  expect(await run('unload', name)).toEqual({ ok: true });
  expect(await run('info', name)).toMatchObject({ errno: 404, reason: 'not_found' });
  expect(await run('no_such')).toMatchObject({ errno: 404, reason: 'command_not_found' });
  expect(await run('load')).toMatchObject({ errno: 400, reason: 'config_missing' });
  expect(await run('load', 'x')).toMatchObject({ errno: 400, reason: 'invalid_config' });
});
