import { expect, test } from 'vitest';
import { createTestApp } from '../../support/test-app.js';
import { type BadInput, badBodies, badFields, forbiddenFields, refusedFields } from './bad-inputs.js';

/** Texts that only a parser, a validator or a stack trace writes. */
const foreign = /Unexpected|SyntaxError|TypeError|undefined|NaN|\[object|node_modules|\.[jt]s\b|\n/;

const messages: Readonly<Record<number, string>> = {
  400: 'invalid job',
  403: 'forbidden',
  413: 'body too large',
};

function inOrder(details: string): RegExp {
  const parts = details.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.*'));
}

test.each([...badBodies, ...badFields, ...refusedFields, ...forbiddenFields])(
  'a submit is refused and nothing stored: $name',
  async (input) => {
    const { queue, send } = createTestApp();

    const response = await send('POST', '/api/job', input.body);
    const text = await response.text();

    expect(response.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(text)).toEqual({
      status: input.status,
      message: messages[input.status],
      details: expect.stringMatching(inOrder(input.details)),
    });
    expect(response.status).toBe(input.status);
    expect(text).not.toMatch(foreign);
    expect(text).not.toContain('canary');
    expect(queue.asked).toEqual([]);
  },
);

test.each([{ gpu: 1.5 }, { gpu: 0.5 }, { pvc: [':3GB:/scratch'] }, { cpu: 2, cpuLimit: 1 }])(
  'what is wrong is said once: %j',
  async (fields) => {
    const { send } = createTestApp();
    const job = { project: 'v', image: 'a', ...fields };

    const response = await send('POST', '/api/job', JSON.stringify({ job }));

    const { details } = (await response.json()) as { details: string };
    expect(details.match(/must be|not supported|Expected/g)).toHaveLength(1);
  },
);

const removals: readonly Omit<BadInput, 'status'>[] = [
  { name: 'no body and no query', body: '', details: 'the body…nothing' },
  { name: 'a text', body: '"job-0"', details: 'a list of jobs, got a text' },
  { name: 'a trailing comma', body: '[{"name":"a","project":"b"},]', details: 'JSON…at character 29' },
  { name: 'a field twice', body: '[{"name":"a","name":"b","project":"c"}]', details: '"name" twice' },
  {
    name: 'too many entries',
    body: `[${'{},'.repeat(1000)}{}]`,
    details: 'at most 1000 jobs, got 1001',
  },
];

test.each(removals)('a delete is refused as a whole: $name', async ({ body, details }) => {
  const { queue, send } = createTestApp();

  const response = await send('DELETE', '/api/job', body);

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    status: 400,
    details: expect.stringMatching(inOrder(details)),
  });
  expect(queue.asked).toEqual([]);
});

test('a list is refused whose filter is unknown', async () => {
  const { queue, send } = createTestApp();

  const response = await send('GET', '/api/v1/jobs?jobTypeFilter=all');

  expect(await response.json()).toMatchObject({
    status: 400,
    details: 'Expected `jobTypeFilter` to be one of training, interactive, inference, got "all".',
  });
  expect(queue.asked).toEqual([]);
});

test('a refusal names a few problems of a body that has thousands', async () => {
  const { send } = createTestApp();
  const job = { project: 'v', image: 'a', arguments: Array(4000).fill(7), environment: { a: [], b: [] } };

  const response = await send('POST', '/api/job', JSON.stringify({ job }));

  expect((await response.text()).length).toBeLessThan(1000);
});
