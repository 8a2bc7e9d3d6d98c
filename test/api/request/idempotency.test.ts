import { expect, test } from 'vitest';
import { RefusedError } from '../../../src/job/errors.js';
import type { JobRequest } from '../../../src/job/job.js';
import type { SubmittedJob } from '../../../src/queue/queue.js';
import { FakeQueue, newJob } from '../../support/fake-queue.js';
import { createTestApp } from '../../support/test-app.js';

// Q5, as clients of a door see it.

/** A queue that records the keys it gets, and returns this answer. */
class KeyedQueue extends FakeQueue {
  readonly keys: (string | undefined)[] = [];
  answer: () => SubmittedJob = () => newJob();

  override async submit(_: JobRequest, key?: string): Promise<SubmittedJob> {
    this.keys.push(key);
    return this.answer();
  }
}

function openDoor(answer?: () => SubmittedJob) {
  const queue = new KeyedQueue();
  if (answer !== undefined) queue.answer = answer;
  const { app } = createTestApp({ queue });
  const submit = (headers: Record<string, string>) =>
    app.request('/v1/api/job', {
      method: 'POST',
      headers: { 'x-auth-token': 's.token1', ...headers },
      body: '{"wrap_secret_id":"s.wrap"}',
    });
  return { queue, submit };
}

function refusing(code: 'key_reused' | 'key_in_flight'): () => never {
  return () => {
    throw new RefusedError(code, 'Used before.');
  };
}

test('a key goes to the queue as it came, and no key is none', async () => {
  const { queue, submit } = openDoor();

  const answers = [await submit({ 'Idempotency-Key': 'nightly-"2026/11"~!' }), await submit({})];

  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(queue.keys).toEqual(['nightly-"2026/11"~!', undefined]);
  expect(answers[0]?.headers.has('idempotent-replayed')).toBe(false);
});

test('an answer that was given before says so', async () => {
  const { submit } = openDoor(() => ({ ...newJob(), isReplay: true }));

  const answer = await submit({ 'Idempotency-Key': 'a' });

  expect(answer.status).toBe(200);
  expect(answer.headers.get('idempotent-replayed')).toBe('true');
});

test.each([
  ['empty', '', 'nothing'],
  ['with a blank in it', 'a b', 'something else'],
  ['given twice', 'a, b', 'something else'],
  ['with other letters', 'ä', 'something else'],
  ['too long', 'x'.repeat(256), '256 characters'],
])('a key that is %s is refused by its name, before the body is read', async (_, key, got) => {
  const { queue, submit } = openDoor();

  const answer = await submit({ 'Idempotency-Key': key });

  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    error: `Expected \`Idempotency-Key\` to be one key of 1 to 255 visible ASCII characters, got ${got}.`,
  });
  expect(queue.keys).toEqual([]);
});

test('a key of 255 characters is good', async () => {
  const { submit } = openDoor();

  expect((await submit({ 'Idempotency-Key': 'x'.repeat(255) })).status).toBe(200);
});

test('a key that was used for another request is 422', async () => {
  const { submit } = openDoor(refusing('key_reused'));

  const answer = await submit({ 'Idempotency-Key': 'a' });

  expect(answer.status).toBe(422);
  expect(await answer.json()).toEqual({ status: 'Invalid job request.', error: 'Used before.' });
});

test('a key whose first request is in work is 409 and says when to try again', async () => {
  const { submit } = openDoor(refusing('key_in_flight'));

  const answer = await submit({ 'Idempotency-Key': 'a' });

  expect(answer.status).toBe(409);
  expect(answer.headers.get('retry-after')).toBe('1');
});
