import { describe, expect, test } from 'vitest';
import { createLopcoApp } from './lopco-app.js';
import { splitAndMerge } from './pipeline/documents.js';

const kinds = [
  ['/machine-registry/machines', { name: 'Press 7', pipeline_id: 'p1', type_id: null }],
  ['/pipeline-registry/pipelines', splitAndMerge],
] as const;

describe.each(kinds)('%s', (root, document) => {
  test('keeps a document as it was sent, replaces it, and forgets it', async () => {
    const { ask } = createLopcoApp();
    const one = `${root}/press 07%2F1`;

    const put = await ask('PUT', one, { body: document });
    expect([put.status, put.headers.get('content-type'), await put.text()]).toEqual([200, null, '']);
    expect(await (await ask('GET', one)).json()).toEqual(document);
    expect(await (await ask('GET', root)).json()).toEqual(['press 07/1']);
    expect(await (await ask('GET', `${root}/?full=true`)).json()).toEqual({ 'press 07/1': document });

    await ask('PUT', one, { body: { ...document, name: 'another' } });
    expect(await (await ask('GET', one)).json()).toEqual({ ...document, name: 'another' });

    expect((await ask('DELETE', one)).status).toBe(200);
    expect((await ask('DELETE', one)).status).toBe(404);
    expect((await ask('GET', one)).status).toBe(404);
  });

  test('shows nobody the documents of somebody else', async () => {
    const { ask } = createLopcoApp();
    const stranger = { token: 's.token2' };
    await ask('PUT', `${root}/m`, { body: document });

    expect((await ask('GET', `${root}/m`, stranger)).status).toBe(404);
    expect(await (await ask('GET', root, stranger)).json()).toEqual([]);
    expect((await ask('DELETE', `${root}/m`, stranger)).status).toBe(404);
    await ask('PUT', `${root}/m`, { ...stranger, body: { ...document, name: 'theirs' } });
    expect(await (await ask('GET', `${root}/m`)).json()).toEqual(document);
  });

  test('shows all of them to everyone where access is shared', async () => {
    const { ask } = createLopcoApp({ access: 'shared' });
    await ask('PUT', `${root}/m`, { body: document });

    await ask('PUT', `${root}/m`, { token: 's.token2', body: { ...document, name: 'theirs' } });

    expect(await (await ask('GET', `${root}/m`)).json()).toMatchObject({ name: 'theirs' });
    expect(await (await ask('GET', root)).json()).toEqual(['m']);
  });

  test('wants JSON, and an id that can be stored', async () => {
    const { ask } = createLopcoApp();

    expect((await ask('PUT', `${root}/m`, { type: 'text/plain', body: document })).status).toBe(415);
    expect((await ask('PUT', `${root}/a%00b`, { body: document })).status).toBe(400);
    expect((await ask('PUT', `${root}/${'x'.repeat(256)}`, { body: document })).status).toBe(400);
    const wrong = await ask('POST', `${root}/m`, { body: document });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE']);
  });
});

test('a pipeline gets an id of its own where it is posted', async () => {
  const { ask } = createLopcoApp();

  const answer = await (await ask('POST', '/pipeline-registry/pipelines', { body: splitAndMerge })).json();

  expect(answer).toEqual({ resource: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  const { resource } = answer as { resource: string };
  expect(await (await ask('GET', `/pipeline-registry/pipelines/${resource}`)).json()).toEqual(splitAndMerge);
});
