import { expect, test } from 'vitest';
import { readArchive } from '../../../src/docker/archive/archive.js';
import { defaultArchiveLimits } from '../../../src/docker/archive/rules.js';
import { createQueue, type QueueServiceParts } from '../../../src/queue/service/queue-service.js';
import { noParents } from '../../support/fake-queue.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';
import { badArchives } from './bad-archives.js';
import { type BadInput, badBodies, badFields, badHeaders, badPaths, badWrappers } from './bad-inputs.js';

interface Bench {
  readonly tested: TestApp;
  /** Everything that was read from a cubbyhole, stored or changed. */
  readonly spent: string[];
}

/** The whole app with the checks behind the door; only the parts are fakes. */
function createBench(): Bench {
  const spent: string[] = [];
  const spend = (what: string) => async (): Promise<never> => {
    spent.push(what);
    throw new Error(`Expected nothing to be spent, got ${what}.`);
  };
  const store = {
    readQueueForecast: async () => ({ full: false, ahead: 0, typicalRunMs: null }),
    findJob: async () => undefined,
    insertJob: spend('insertJob'),
    requestKill: spend('requestKill'),
    deleteJob: spend('deleteJob'),
    listJobs: spend('listJobs'),
    countJobs: async () => [],
  };
  const queue = createQueue({
    store: store as unknown as QueueServiceParts['store'], // What a refusal may reach, and what it must not.
    secrets: {
      readCubbyhole: spend('readCubbyhole'),
      lookUpWrappingToken: async () => ({ expiresAt: 0, ttlMs: 0, leftMs: 0 }),
    },
    backend: { checkContent },
    sealKey: Buffer.alloc(32),
    keyTtlMs: 60_000,
    queueLimit: 0,
    wrapMinimumMs: 0,
    wake: () => spent.push('wake'),
    forwardKill: () => spent.push('forwardKill'),
    parents: noParents,
  });
  return { tested: createTestApp({ queue }), spent };
}

async function checkContent(content: Uint8Array) {
  const rules = { limits: defaultArchiveLimits, allowLinks: true, ownFiles: [] };
  const paths: string[] = [];
  for await (const entry of readArchive(content, rules)) paths.push(entry.path);
  return { metadata: paths.at(-1) };
}

async function ask({ tested }: Bench, input: BadInput): Promise<Response> {
  const { method, path, body, headers = { 'x-auth-token': 's.token1' } } = input;
  return tested.app.request(path, { method, headers, ...(body !== undefined && { body }) });
}

const table = [...badBodies, ...badWrappers, ...badFields, ...badPaths, ...badHeaders];

/** Texts that only a parser, a validator or a stack trace writes. */
const foreign =
  /Unexpected|SyntaxError|TypeError|ZodError|Invalid input|invalid_|undefined|NaN|\[object|node_modules|\.[jt]s\b|\n/;

interface Refusal {
  readonly http: number;
  readonly type: string | null;
  readonly status: string;
  readonly error: string;
}

async function refusalTo(bench: Bench, input: BadInput): Promise<Refusal> {
  const response = await ask(bench, input);
  const body = (await response.json()) as { status: string; error: string };
  return { http: response.status, type: response.headers.get('content-type'), ...body };
}

function expectedOf(input: BadInput): Refusal {
  return {
    http: input.status,
    type: 'application/json; charset=utf-8',
    status: input.text,
    error: expect.stringMatching(inOrder(input.names)),
  };
}

/** The texts between the `…`, in this order. */
function inOrder(names: string): RegExp {
  const parts = names.split('…').map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(parts.join('.*'));
}

test.each(table.map((input) => [input.name || `${input.method} ${input.path.slice(0, 60)}`, input] as const))(
  'refused, with nothing spent: %s',
  async (_, input) => {
    const bench = createBench();

    const refusal = await refusalTo(bench, input);

    expect(refusal).toEqual(expectedOf(input));
    expect(refusal.error).not.toMatch(foreign);
    expect(refusal.error.length).toBeLessThan(600);
    expect(bench.spent).toEqual([]);
  },
);

const cubbyhole = { wrap_secret_id: 's.wrap', cubby_token: 's.cubby', cubby_path: 'cubbyhole/job' };

test.each(badArchives)('refused, with nothing spent: content with %s', async (_, makeArchive, names) => {
  const bench = createBench();
  const content = `targz,${(await makeArchive()).toString('base64')}`;
  const input = { ...badBodies[0], body: JSON.stringify({ ...cubbyhole, content }), names } as BadInput;

  const refusal = await refusalTo(bench, input);

  expect(refusal).toEqual(expectedOf(input));
  expect(refusal.error).not.toMatch(foreign);
  expect(bench.spent).toEqual([]);
});

test('the same bench does spend what a good request asks for', async () => {
  const bench = createBench();

  const response = await bench.tested.send('POST', '/v1/api/job', JSON.stringify(cubbyhole));

  expect(response.status).toBe(500);
  expect(bench.spent).toEqual(['readCubbyhole']);
});

test('all problems of one request are reported at once', async () => {
  const body = '{"cubby_token":"s.c","qname":"a\\nb","container_image":"X","working_directory":"x"}';
  const { tested } = createBench();

  const response = await tested.send('POST', '/v1/api/job', body);

  const { error } = (await response.json()) as { error: string };
  for (const name of ['wrap_secret_id', 'cubby_path', 'qname', 'container_image', 'working_directory'])
    expect(error).toContain(`\`${name}\``);
});

test('a refusal never says what a credential or a variable was', async () => {
  const canary = 'hvs.CANARY\u0001';
  const { tested } = createBench();
  const fields = ['wrap_secret_id', 'cubby_token', 'cubby_path', 'payload', 'env_vars'];
  const bodies = [
    ...fields.map((field) => ({ [field]: canary })),
    Object.fromEntries(fields.map((field) => [field, canary])),
    { wrap_secret_id: 's.w', env_vars: [canary, `A=${canary}\0`] },
    { wrap_secret_id: 's.w', cubby_token: canary, cubby_path: canary },
  ];

  for (const body of bodies) {
    const response = await tested.send('POST', '/v1/api/job', JSON.stringify(body));
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain('CANARY');
  }
});

test('the table has its promised length', () => {
  expect(table.length + badArchives.length).toBeGreaterThanOrEqual(70);
});
