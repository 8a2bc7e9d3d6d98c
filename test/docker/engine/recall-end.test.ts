import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connectEngine } from '../../../src/docker/engine/dockerode-engine.js';

/** An engine whose list of events begins and never ends. */
async function openStuckEngine() {
  const directory = mkdtempSync(join(tmpdir(), 'stint-engine-'));
  const events = new EventEmitter();
  const begun = once(events, 'begun');
  const server = createServer((request, response) => {
    if (request.url?.includes('/events') !== true) return response.end('{}');
    response.flushHeaders();
    return events.emit('begun');
  }).listen(join(directory, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const engine = await connectEngine(`unix://${directory}/socket`);
  onTestFinished(() => {
    vi.useRealTimers();
    engine.close();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return { engine, begun };
}

test('an engine that begins to list its events and never ends is not waited for', async () => {
  const { engine, begun } = await openStuckEngine();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = engine.recallEnd('c1', 'any').catch((error: unknown) => error);
  await begun;
  await new Promise((resolve) => setImmediate(resolve));

  await vi.advanceTimersByTimeAsync(10_000);

  expect(await asked).toMatchObject({ fault: 'timed_out' });
});
