import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createLopcoApp } from '../lopco-app.js';
import { stageOf } from './documents.js';
import { options, PlayedParent } from './played-parent.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A registry that answers as it is told, and the paths it was asked for. */
async function serve(answer: RequestListener): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const documents: Readonly<Record<string, object>> = {
  '/machine-registry/machines/press-07': { name: 'Press 7', pipeline_id: 'p/1' },
  '/pipelines/p%2F1': { name: 'count', stages: [stageOf('only', { file: 'init_source' })] },
};

const original: RequestListener = ({ url = '' }, response) => {
  const document = documents[url];
  response.writeHead(document === undefined ? 404 : 200).end(JSON.stringify(document));
};

test('a machine and its pipeline are read where the operator says that they are', async () => {
  const { url, asked } = await serve(original);
  const job = new PlayedParent({
    options: { registries: { machine: `${url}/machine-registry`, pipeline: url } },
  });

  expect(await job.settle()).toMatchObject({ do: 'wait' });

  expect(asked).toEqual(['/machine-registry/machines/press-07', '/pipelines/p%2F1']);
  expect(job.started).toHaveLength(1);
});

test('what is not there fails the job with the reason', async () => {
  const { url } = await serve(original);
  const job = new PlayedParent({ options: { registries: { machine: url } } });

  expect(await job.settle()).toMatchObject({
    verdict: { code: 'machine_unknown', message: 'The machine "press-07" is not registered.' },
  });
});

test.each([
  ['a list', '[]'],
  ['no JSON', '<html>'],
  ['more than a document may be', `{"a": "${'x'.repeat(2 ** 20)}"}`],
])('%s is no document: the job fails', async (_, text) => {
  const { url } = await serve((__, response) => response.end(text));
  const job = new PlayedParent({ options: { registries: { machine: url } } });

  expect(await job.settle()).toMatchObject({ verdict: { code: 'machine_invalid' } });
});

test.each<[string, RequestListener]>([
  ['is broken', (_, response) => response.writeHead(500).end()],
  ['leads elsewhere', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
  ['hangs up', (request) => request.socket.destroy()],
  ['says nothing', () => undefined],
])('a registry that %s is asked again later, and not without end', async (_, answer) => {
  const { url } = await serve(answer);
  const job = new PlayedParent({ options: { registries: { machine: url } } });

  expect(await job.settle()).toMatchObject({ do: 'wait', forMs: 10_000 });

  job.progress = { ...job.progress, lookUps: 60 };
  expect(await job.settle()).toMatchObject({
    verdict: { reason: 'infrastructure', code: 'registry_unavailable' },
  });
});

test('an id cannot lead to another path', async () => {
  const { url, asked } = await serve(original);
  const job = new PlayedParent({ options: { registries: { machine: `${url}/a/b` } } });
  job.progress = { ...job.progress, machineId: '..' };

  expect(await job.settle()).toMatchObject({ verdict: { code: 'machine_unknown' } });
  expect(asked).toEqual([]);
});

test('a registry that is elsewhere takes no documents here', async () => {
  const { ask } = createLopcoApp({ lopco: { ...options, registries: { machine: 'http://registry' } } });
  const body = { name: 'Press 7', pipeline_id: 'p1' };

  expect((await ask('PUT', '/machine-registry/machines/m', { body })).status).toBe(404);
  expect((await ask('GET', '/machine-registry/machines')).status).toBe(404);
  expect((await ask('GET', '/pipeline-registry/pipelines')).status).toBe(200);
});
