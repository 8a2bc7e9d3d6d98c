import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { connectEngine } from '../../../src/docker/engine/dockerode-engine.js';

interface Sent {
  readonly line: string;
  readonly query: Readonly<Record<string, string>>;
  readonly type: string | undefined;
  readonly body: string;
}

interface Answer {
  readonly status?: number;
  readonly body?: unknown;
}

/** An engine that gives these answers, one after the other and the last one again, and keeps what was sent. */
async function openEngine(...answers: Answer[]) {
  const directory = mkdtempSync(join(tmpdir(), 'stint-wire-'));
  const sent: Sent[] = [];
  const server = createServer(async (request, response) => {
    sent.push(await read(request));
    const { status = 200, body = '' } = (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(join(directory, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const engine = await connectEngine(`unix://${directory}/socket`);
  onTestFinished(() => {
    engine.close();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return { engine, sent };
}

async function read(request: IncomingMessage): Promise<Sent> {
  const url = new URL(request.url ?? '', 'http://engine');
  return {
    line: `${request.method} ${url.pathname}`,
    query: Object.fromEntries(url.searchParams),
    type: request.headers['content-type'],
    body: await text(request),
  };
}

const processes = { body: { Titles: ['PID'], Processes: [['8608']] } };
const noProcess = { body: { Titles: ['PID'], Processes: null } };
const noTask = { status: 404, body: { message: 'NotFound: task 9535 not found' } };

test('a request without a body sends none: some engines pass it on to the container', async () => {
  const { engine, sent } = await openEngine({});

  (await engine.attach('c1')).resume();
  await engine.stop('c1', 2_000);
  await engine.start('c1');

  expect(sent.slice(0, 3)).toEqual([
    {
      line: 'POST /containers/c1/attach',
      query: { stream: 'true', stdout: 'true', stderr: 'true' },
      type: undefined,
      body: '',
    },
    { line: 'POST /containers/c1/stop', query: { t: '2' }, type: undefined, body: '' },
    { line: 'POST /containers/c1/start', query: {}, type: undefined, body: '' },
  ]);
});

test('a body is sent beside its query', async () => {
  const { engine, sent } = await openEngine({ status: 201, body: { Id: 'c1' } });

  await engine.create('job', { Image: 'x', Labels: {}, HostConfig: { NetworkMode: 'none' } });

  expect(sent).toEqual([
    {
      line: 'POST /containers/create',
      query: { name: 'job' },
      type: 'application/json',
      body: '{"Image":"x","Labels":{},"HostConfig":{"NetworkMode":"none"}}',
    },
  ]);
});

test('a task that the runtime does not know is none', async () => {
  const { engine, sent } = await openEngine(noTask);

  expect(await engine.hasTask('c1')).toBe(false);
  expect(sent).toEqual([
    { line: 'GET /containers/c1/top', query: { ps_args: '-eo pid' }, type: undefined, body: '' },
  ]);
});

test('a task without a process is none, at an engine that can list processes', async () => {
  const { engine } = await openEngine(noProcess, processes, noProcess);

  expect(await engine.hasTask('c1')).toBe(true);
  expect(await engine.hasTask('c1')).toBe(true);
  expect(await engine.hasTask('c1')).toBe(false);
});

test('the first start shows whether the engine can list processes', async () => {
  const { engine, sent } = await openEngine({ status: 204 }, processes, { status: 204 }, noProcess);

  await engine.start('c1');
  await expect.poll(() => sent).toHaveLength(2);
  await engine.start('c2');

  expect(await engine.hasTask('c1')).toBe(false);
  expect(sent.map(({ line }) => line)).toEqual([
    'POST /containers/c1/start',
    'GET /containers/c1/top',
    'POST /containers/c2/start',
    'GET /containers/c1/top',
  ]);
});

test.each([
  [409, 'Container c1 is not running'],
  [404, 'No such container: c1'],
  [500, 'error running ps: exec: "ps": executable file not found in $PATH'],
  [503, 'Unavailable: connection error: dial unix c.sock: connect: connection refused'],
])('an engine that answers %i (%s) says nothing about the task', async (status, message) => {
  const { engine } = await openEngine({ status, body: { message } });

  await expect(engine.hasTask('c1')).rejects.toMatchObject({ call: 'top' });
});

test('a kill is looked for up to the millisecond of the end', async () => {
  const kill = { Action: 'kill', Actor: { ID: 'c1', Attributes: { signal: '9' } } };
  const { engine, sent } = await openEngine({ body: kill }, { body: '' });

  expect(await engine.wasKilled('c1', new Date(1_500))).toBe(true);
  expect(await engine.wasKilled('c1', new Date(1_500))).toBe(false);
  expect(sent[0]).toMatchObject({
    line: 'GET /events',
    query: { since: '0', until: '1.501', filters: '{"container":["c1"],"event":["kill"]}' },
  });
});
