import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../../src/job/payload/memory-budget.js';
import { createTestApp } from '../../support/test-app.js';

const limit = 1000;
const headers = { 'x-auth-token': 's.token1' };

/** A body of unknown length. */
function streamOf(chunks: readonly Uint8Array[]): { body: ReadableStream; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream(
    {
      pull: (controller) => {
        const chunk = chunks[taken];
        taken += 1;
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken: () => taken };
}

test('a body is taken up to the limit, in pieces of any size', async () => {
  const { app, queue } = createTestApp({ bodyLimitBytes: limit });
  const text = `{"wrap_secret_id":"s.wrap","qname":"${'ä'.repeat(100)}"}`.padEnd(limit - 100, ' ');
  const { body } = streamOf([...Buffer.from(text)].map((byte) => Uint8Array.of(byte)));

  const response = await app.request('/v1/api/job', {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit);

  expect(response.status).toBe(200);
  expect(queue.submitted[0]?.queue).toBe('ä'.repeat(100));
});

test('a body that does not say its length is refused as soon as the limit is passed', async () => {
  const { app, queue } = createTestApp({ bodyLimitBytes: limit });
  const { body, taken } = streamOf(Array.from({ length: 1000 }, () => Buffer.alloc(100, ' ')));

  const response = await app.request('/v1/api/job', {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit);

  expect(response.status).toBe(413);
  expect(await response.json()).toEqual({
    status: 'Invalid job request.',
    error: 'Expected the body to be at most 1000 bytes long, got more.',
  });
  expect(taken()).toBeLessThan(100);
  expect(queue.asked).toEqual([]);
});

test('a body that says it is too long is refused before the token is spent', async () => {
  const { app, identified } = createTestApp({ bodyLimitBytes: limit });

  const response = await app.request('/v1/api/job', {
    method: 'POST',
    headers: { ...headers, 'content-length': '1001' },
    body: '{}',
  });

  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ error: expect.stringContaining('got 1001.') });
  expect(identified).toEqual([]);
});

test('a body that is longer than it says is refused all the same', async () => {
  const { app } = createTestApp({ bodyLimitBytes: limit });

  const response = await app.request('/v1/api/job', {
    method: 'POST',
    headers: { ...headers, 'content-length': '2' },
    body: ' '.repeat(limit + 1),
  });

  expect(response.status).toBe(413);
});

test('a body that breaks off is refused', async () => {
  const { app, queue } = createTestApp();
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(Buffer.from('{'));
      controller.error(new Error('ECONNRESET canary'));
    },
  });

  const response = await app.request('/v1/api/job', {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit);

  expect(response.status).toBe(400);
  expect(await response.text()).not.toContain('canary');
  expect(queue.asked).toEqual([]);
});

/** A submit whose body ends only when it is told to. */
function submitSlowly({ app }: ReturnType<typeof createTestApp>, path: string, bytes: number) {
  const text = Buffer.from(`{"wrap_secret_id":"s.wrap","content":"`.padEnd(bytes - 2, 'A'));
  const ended = new AbortController();
  const body = new ReadableStream({
    start: async (controller) => {
      controller.enqueue(text);
      await once(ended.signal, 'abort');
      controller.enqueue(Buffer.from('"}'));
      controller.close();
    },
  });
  const init = {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
    duplex: 'half',
  };
  return { answer: Promise.resolve(app.request(path, init as RequestInit)), end: () => ended.abort() };
}

describe('C9: large bodies that are in work together', () => {
  test.each([
    ['/v1/api/job', 'Service Unavailable.'],
    ['/v1/jobproxy/submit', 'Could not take the body'],
    ['/api/job', 'overloaded'],
    ['/jobs/sessions', 'overloaded'],
  ])(
    'are bounded: at %s a further one is answered 503 and when to come again, a small one is taken',
    async (path, text) => {
      const memory = new MemoryBudget(2_000_000);
      const tested = createTestApp({ memory });
      const first = submitSlowly(tested, '/v1/api/job', 400_000);
      await expect.poll(() => memory.usedBytes).toBeGreaterThan(1_000_000);

      const second = submitSlowly(tested, path, 400_000);
      second.end();
      const refused = await second.answer;
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('5');
      expect(await refused.text()).toContain(text);
      const small = submitSlowly(tested, '/v1/api/job', 60_000);
      small.end();
      expect((await small.answer).status).toBe(200);

      first.end();
      await first.answer;
      expect(memory.usedBytes).toBe(0);
    },
  );

  test('count as they arrive: what was only announced keeps nobody out', async () => {
    const memory = new MemoryBudget(2_000_000);
    const tested = createTestApp({ memory });
    const announced = { ...headers, 'content-length': '900000' };
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{')) });
    const init = { method: 'POST', headers: announced, body, duplex: 'half' } as RequestInit;
    void tested.app.request('/v1/api/job', init);

    const other = submitSlowly(tested, '/v1/api/job', 400_000);
    other.end();

    expect((await other.answer).status).not.toBe(503);
  });

  test('a body larger than all that there is is taken when it is alone', async () => {
    const tested = createTestApp({ memory: new MemoryBudget(100_000) });
    const alone = submitSlowly(tested, '/v1/api/job', 400_000);
    alone.end();

    expect((await alone.answer).status).not.toBe(503);
  });
});
