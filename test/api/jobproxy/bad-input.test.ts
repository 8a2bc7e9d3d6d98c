import { expect, test } from 'vitest';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { createTestApp } from '../../support/test-app.js';
import { type BadInput, badBodies, badRequests, badTasks, forbiddenTasks } from './bad-inputs.js';

const table = [...badBodies, ...badTasks, ...forbiddenTasks, ...badRequests];

/** Texts that only a parser, a validator or a stack trace writes. */
const foreign =
  /Unexpected|SyntaxError|TypeError|Zod|undefined|NaN|\[object|node_modules|\.[jt]s\b|unclosed tag/;

const most = { ...strictPolicy.most, cpus: 2, memoryBytes: 1024 ** 3 };
const policyFor = () => ({ ...strictPolicy, most });

async function ask(input: BadInput) {
  const tested = createTestApp({ policyFor });
  const { method, path, body, headers = {} } = input;
  const token = input.status === 401 ? {} : { 'x-auth-token': 's.token1' };
  const type = { 'content-type': 'application/json' };
  const response = await tested.app.request(`/v1/jobproxy/${path}`, {
    method,
    headers: 'x-vault-token' in headers ? headers : { ...token, ...type, ...headers },
    ...(body !== undefined && { body }),
  });
  return { tested, response, text: await response.text() };
}

/** The texts between the `…`, in this order. */
function inOrder(says: string): RegExp {
  const parts = says.split('…').map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(parts.join('.*'));
}

test.each(table.map((input) => [`${input.status} ${input.name}`, input] as const))(
  'refused in one plain line, with nothing submitted or ended: %s',
  async (_, input) => {
    const { tested, response, text } = await ask(input);

    expect({ status: response.status, type: response.headers.get('content-type') }).toEqual({
      status: input.status,
      type: 'text/plain',
    });
    expect(text).toMatch(inOrder(input.says));
    expect(text).not.toMatch(foreign);
    expect(text).not.toMatch(/CANARY|\n/);
    expect(text.length).toBeLessThan(300);
    expect(tested.queue.submitted).toEqual([]);
    expect(tested.queue.asked).not.toContain('unlist');
  },
);

test('a wrong method is told which ones are allowed', async () => {
  const input = badRequests.find(({ name }) => name === 'a state that is posted');
  const { response } = await ask(input as BadInput);

  expect(response.headers.get('allow')).toBe('GET, HEAD');
});

test('the table has its promised length', () => {
  expect(table.length).toBeGreaterThanOrEqual(60);
});
