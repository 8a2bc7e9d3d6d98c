import { expect, test } from 'vitest';
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
