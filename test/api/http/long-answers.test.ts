import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { LongAnswers } from '../../../src/api/http/long-answers.js';
import { type Listening, listen } from '../../../src/api/http/server.js';
import { RefusedError } from '../../../src/job/errors.js';
import type { LongOutput } from '../../../src/queue/queue.js';
import { outputOf } from '../../support/fake-queue.js';
import { usualReading } from '../../support/reading.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Every kind of character that JSON or XML escapes, and some of more than a byte. */
const strange = 'a"\\\n\r\t\u0001</x>&é€😀\u007f';
const text = strange.repeat(500);

describe.each(['/v1/api/job', '/v1/jobproxy/state'])('a long output at %s', (path) => {
  test.each(['application/json', 'application/xml'])('is answered as a short one is (%s)', async (accept) => {
    const { app, queue } = createTestApp();
    const output = outputOf(text, { stdoutText: text, stderrText: `${text}E`, droppedBytes: 7 });
    const ended = { state: 'succeeded', exitCode: 0 } as const;
    const { id } = queue.add({ ...ended, door: 'jobproxy' }, { ...output, incompleteReason: 'engine_gap' });
    const ask = async () => {
      const answer = await app.request(`${path}/${id}`, { headers: { 'x-auth-token': 's.token1', accept } });
      const type = answer.headers.get('content-type');
      const body = await answer.text();
      return { status: answer.status, type, body: type?.includes('json') === true ? JSON.parse(body) : body };
    };
    const asWhole = await ask();
    queue.longerThan = 7;

    expect(await ask()).toEqual(asWhole);
    expect(asWhole.status).toBe(200);
  });
});

test('a job that failed before it printed shows its reason, and one that could not be started shows it instead of its output', async () => {
  const { send, queue } = createTestApp();
  const failed = { state: 'failed', reason: 'start_failed', message: 'No such command.' } as const;
  const { id } = queue.add(failed, outputOf(text));
  const whole: unknown = await (await send('GET', `/v1/api/job/${id}`)).json();
  queue.longerThan = 10;

  expect(await (await send('GET', `/v1/api/job/${id}`)).json()).toEqual(whole);
});

/** A job whose output never ends, and how many pieces were made of it. */
function addEndless({ queue }: TestApp): { path: string; made: () => number; open: () => number } {
  const { id } = queue.add({ state: 'running' });
  let made = 0;
  let open = 0;
  const piece = Buffer.alloc(64 * 1024, 'x');
  const long: LongOutput = {
    droppedBytes: 0,
    incompleteReason: undefined,
    pieces: async function* () {
      open += 1;
      try {
        for (;;) {
          made += 1;
          yield piece;
        }
      } finally {
        open -= 1;
      }
    },
  };
  queue.openOutput = async () => ({ long });
  return { path: `/v1/api/job/${id}`, made: () => made, open: () => open };
}

async function serve(tested: TestApp, lookMs?: number): Promise<Listening> {
  const options = lookMs === undefined ? {} : { reading: { ...usualReading, lookMs } };
  const server = await listen(tested.app, { host: '127.0.0.1', port: 0, reading: usualReading, ...options });
  cleanUps.push(() => server.close(0));
  return server;
}

/** Asks, and reads nothing of the answer. */
function askAndIgnore({ port }: Listening, path: string, token = 's.token1'): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\n\r\n`);
  cleanUps.push(() => socket.destroy());
  return socket;
}

describe('a client that does not read', () => {
  test('gets no more than fits on the way, and is cut; then nothing of its answer is left', async () => {
    const tested = createTestApp();
    const endless = addEndless(tested);
    const server = await serve(tested, 300);
    const socket = askAndIgnore(server, endless.path);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await expect.poll(endless.open).toBe(1);
    const seen: number[] = [];
    await expect
      .poll(() => seen.push(endless.made()) > 1 && seen.at(-1) === seen.at(-2), { interval: 100 })
      .toBe(true);

    expect(endless.made() * 64).toBeLessThan(32 * 1024);
    await expect.poll(endless.open, { timeout: 5_000 }).toBe(0);
    socket.resume();
    await closed;
  });
});

async function refusalOf({ app }: TestApp, path: string, token: string): Promise<[number, string | null]> {
  const { status, headers } = await app.request(path, { headers: { 'x-auth-token': token } });
  return [status, headers.get('retry-after')];
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('x');
  throw new RefusedError('not_found', 'gone');
}

describe('long answers at once', () => {
  test('are bounded for each caller and in all, and are free again when they end or their clients go', async () => {
    const tested = createTestApp({
      access: 'shared',
      longAnswers: new LongAnswers({ perCaller: 2, inAll: 3 }),
    });
    const endless = addEndless(tested);
    const server = await serve(tested);
    const first = [askAndIgnore(server, endless.path), askAndIgnore(server, endless.path)];
    await expect.poll(endless.open).toBe(2);
    expect(await refusalOf(tested, endless.path, 's.token1')).toEqual([429, '5']);
    askAndIgnore(server, endless.path, 's.token2');
    await expect.poll(endless.open).toBe(3);
    expect(await refusalOf(tested, endless.path, 's.operator')).toEqual([503, '5']);

    for (const socket of first) socket.destroy();

    await expect.poll(endless.open).toBe(1);
    await expect.poll(async () => (await refusalOf(tested, endless.path, 's.operator'))[0]).toBe(200);
  });

  test('HEAD takes none of them, and an output that cannot be read leaves none behind', async () => {
    const tested = createTestApp({ longAnswers: new LongAnswers({ perCaller: 1, inAll: 1 }) });
    const { path } = addEndless(tested);
    const headers = { 'x-auth-token': 's.token1' };
    for (let i = 0; i < 3; i++)
      expect((await tested.app.request(path, { method: 'HEAD', headers })).status).toBe(200);
    const opened = tested.queue.openOutput;
    tested.queue.openOutput = async () => ({
      long: { droppedBytes: 0, incompleteReason: undefined, pieces: failing },
    });
    for (let i = 0; i < 3; i++)
      await expect((await tested.app.request(path, { headers })).text()).rejects.toThrow('gone');
    tested.queue.openOutput = opened;
  });
});
