import { expect, test } from 'vitest';
import { schemas } from '../../../src/api/native/openapi.js';
import { knownJob } from '../../support/fake-operations.js';
import { createTestApp } from '../../support/test-app.js';

const { app, queue } = createTestApp({
  reaper: { dryRun: async () => [candidate], run: async () => [candidate] },
});
queue.add({ id: knownJob });
const candidate = {
  containerId: '5f1c0d9e',
  containerName: 'stint-1',
  jobId: knownJob,
  node: 'node-1',
  ageMs: 12.5,
  reason: 'job_ended',
} as const;

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly requestBody?: { readonly required: boolean; readonly content: Media };
  readonly responses: Readonly<Record<string, { readonly content: Media }>>;
}
type Media = Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
type Path = { readonly parameters?: readonly { name: string; in: string }[] };

async function readDocument() {
  const response = await app.request('/stint/v1/openapi.json');
  expect(response.status).toBe(200);
  return (await response.json()) as { openapi: string; paths: Record<string, Path>; components: object };
}

const document = await readDocument();
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as object)
    .filter(([method]) => method !== 'parameters')
    .map(([method, described]: [string, Described]) => ({ path, method: method.toUpperCase(), described })),
);

test('the document is there for everybody, and describes itself as OpenAPI 3.1', () => {
  expect(document.openapi).toBe('3.1.0');
});

test('every route is described, and nothing else', () => {
  const native = app.routes.filter(({ path, method }) => path.startsWith('/stint/v1/') && method !== 'ALL');
  const routes = native.map(({ path, method }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  const described = operations.map(({ path, method }) => `${method} ${path}`);

  expect([...described, 'GET /stint/v1/openapi.json'].toSorted()).toEqual([...new Set(routes)].toSorted());
});

test('every reference leads somewhere, every name is given once, every part of a path is described', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(
    ([, path = '']) => path,
  );
  const find = (path: string) =>
    path
      .split('/')
      .slice(1)
      .reduce((at, name) => (at as Record<string, unknown> | undefined)?.[name], document as unknown);

  expect(references.length).toBeGreaterThan(20);
  expect(references.filter((path) => find(path) === undefined)).toEqual([]);
  const ids = operations.map(({ described }) => described.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [path, { parameters = [] }] of Object.entries(document.paths))
    expect(parameters.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
});

const bodies: Readonly<Record<string, object>> = {
  Reason: { reason: 'because' },
  QueueSettings: { max_waiting: 5, hold_on_failure: true },
};

function nameOf(media: Media | undefined): string {
  return (
    Object.values(media ?? {})[0]
      ?.schema.$ref.split('/')
      .at(-1) ?? ''
  );
}

function ask(path: string, method: string, body?: object, token = 's.operator') {
  const real = path
    .replace('{name}', 'demo')
    .replace('/jobs/{id}', `/jobs/${knownJob}`)
    .replace('{id}', 'node-1')
    .replace(/\/secrets$/, '/secrets?path=kv/data/app');
  const headers = { 'x-auth-token': token };
  return app.request(real, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

test.each(operations)(
  '$method $path answers what is described, and takes what is described',
  async (operation) => {
    const { path, method, described } = operation;
    const wanted = nameOf(described.requestBody?.content);
    const answer = await ask(path, method, bodies[wanted]);

    expect(answer.status).toBe(200);
    const schema = schemas[nameOf(described.responses['200']?.content) as keyof typeof schemas];
    expect(schema.safeParse(await answer.json()).error).toBeUndefined();
  },
);

test.each(operations.filter(({ described }) => described.requestBody !== undefined))(
  '$method $path wants its body, and nothing else in it',
  async ({ path, method, described }) => {
    const body = bodies[nameOf(described.requestBody?.content)];

    expect((await ask(path, method)).status).toBe(400);
    expect((await ask(path, method, { ...body, other: 1 })).status).toBe(400);
  },
);

test.each(operations)('$method $path refuses as it is described', async ({ path, method, described }) => {
  for (const token of ['s.nobody', 's.token2']) {
    const answer = await ask(path, method, undefined, token);
    expect(Object.keys(described.responses)).toContain(String(answer.status));
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(schemas.Problem.safeParse(await answer.json()).error).toBeUndefined();
  }
});
