import { describe, expect, test } from 'vitest';
import { reasonOf } from '../../../src/api/gaffer/errors.js';
import { type BadInput, badJobs } from './bad-inputs.js';
import { answerOf, createGafferApp } from './gaffer-app.js';

/** The parts in this order, whatever stands between them. */
function inOrder(parts: string): RegExp {
  const escaped = parts.split('…').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(escaped.join('[^]*'));
}

test.each(badJobs)(
  'a load is refused: $name',
  async ({ path, method, body, status, ...expected }: BadInput) => {
    const { send, queue } = createGafferApp();

    const answer = await answerOf(await send(method, path, body));

    const form = status === 400 ? 'bad_request' : status;
    const details = expect.stringMatching(inOrder(expected.details));
    expect(answer).toEqual({ status, body: { error: form, reason: expected.reason, details } });
    expect(JSON.stringify(answer)).not.toContain('canary');
    expect(queue.submitted).toEqual([]);
  },
);

test('a load is refused where neither job nor operator names an image', async () => {
  const gaffer = {
    image: undefined,
    flapping: { attempts: 1, window: 1, retry_in: 1, max_retry: 1 },
    origins: [],
  };
  const { load, queue } = createGafferApp({ gaffer });

  expect(await load()).toMatchObject({ status: 400, body: { reason: 'image' } });
  expect(await load({ container_image: 'busybox:1' })).toMatchObject({ status: 200 });
  expect(queue.submitted).toHaveLength(1);
});

describe('another configuration', () => {
  test.each<[object | string, string, string]>([
    [{}, 'invalid process config', 'cmd is required'],
    [{ cmd: 7 }, 'invalid process config', 'cmd must be a text'],
    ['[', 'invalid process config', 'the body'],
    [{ name: 'other', cmd: 'true' }, 'template name conflict with the path', 'Leave `name` out'],
    [{ name: null, cmd: '' }, 'template name conflict with the path', 'Leave'],
  ])('of %j is refused', async (body, reason, details) => {
    const { ask, load, queue } = createGafferApp();
    await load();

    expect(await ask('PUT', '/jobs/shop/web', body)).toEqual({
      status: 400,
      body: { error: 'bad_request', reason, details: expect.stringContaining(details) },
    });
    expect(queue.revisions).toEqual([]);
  });
});

describe('a request about a loaded job', () => {
  test.each<[string, unknown, object]>([
    ['numprocesses', { scale: 'x1' }, { error: 'bad_request', reason: 'scale' }],
    ['numprocesses', { scale: true }, { error: 'bad_request', reason: 'scale' }],
    ['numprocesses', { scale: 1.5 }, { error: 'bad_request', reason: 'scale' }],
    ['numprocesses', {}, { error: 'bad_request', reason: 'scale' }],
    ['numprocesses', '', { error: 'bad_request', reason: 'body' }],
    ['numprocesses', { scale: '=1001' }, { error: 'bad_request', reason: 'scale' }],
    ['signal', { signal: 'NOSUCH' }, { error: 'bad_signal' }],
    ['signal', { signal: 65 }, { error: 'bad_signal' }],
    ['signal', {}, { error: 'bad_request', reason: 'signal' }],
    ['signal', '1', { error: 'bad_request', reason: 'body' }],
    ['state', '3', { error: 'bad_value' }],
    ['state', '', { error: 'bad_value' }],
    ['state', '"1"', { error: 'bad_value' }],
    ['state', '1'.repeat(1000), { error: 'bad_value' }],
    ['commit', { env: { A: null } }, { error: 'bad_request', reason: 'env' }],
    ['commit', { env: 'A=1' }, { error: 'bad_request', reason: 'env' }],
    ['commit', { graceful_timeout: -1 }, { error: 'bad_request', reason: 'graceful_timeout' }],
    ['commit', { graceful_timeout: 61 }, { error: 'bad_request', reason: 'graceful_timeout' }],
    ['commit', 'true', { error: 'bad_request', reason: 'body' }],
  ])('for its %s with %j is refused', async (what, body, expected) => {
    const { ask, load, queue, signals } = createGafferApp();
    await load({ args: ['$A'] });

    const answer = await ask('POST', `/jobs/shop/web/${what}`, body);

    expect(answer).toEqual({ status: 400, body: { ...expected, details: expect.any(String) } });
    expect({ revisions: queue.revisions, signals }).toEqual({ revisions: [], signals: [] });
  });
});

test.each([
  ['cmd must be a text, got a list.', 'cmd'],
  ['entry 2 of args must be a text, got a number.', 'args'],
  ['"uid" of env must be a text.', 'env'],
  ['the name "a\\"cmd" of env must be free.', 'env'],
  ['Expected `cwd` to be an absolute path, got "cmd".', 'cwd'],
  ['Expected the body to be JSON, got nothing.', 'body'],
  ['Something else.', 'body'],
])('the reason of %j is %s', (message, reason) => {
  expect(reasonOf(message, 'POST')).toBe(reason);
});
