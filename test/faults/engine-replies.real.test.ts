import { text } from 'node:stream/consumers';
import { afterAll, afterEach, expect, test } from 'vitest';
import { buildImage } from '../../rig/engine/image.js';
import { uniqueName } from '../journey/vault-operator.js';
import { rigPart } from '../support/rig-part.js';
import { FaultProxy } from '../vault/fault-proxy.js';
import { openStand } from './stand.js';

const engine = await rigPart('engine');
const proxy = await FaultProxy.start(engine.dockerHost);
const stand = await openStand({ engineAddress: proxy.address.replace('http:', 'tcp:') });
const { client, docker } = stand;
afterEach(() => proxy.heal());
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

/** What the engine did with the containers of a job, by its events. */
async function actionsOf(id: string, since: number): Promise<string[]> {
  const events = await docker.getEvents({
    since,
    until: Math.ceil(Date.now() / 1000) + 1,
    filters: { type: ['container'], label: [`stint.job=${id}`] },
  });
  const lines = (await text(events as NodeJS.ReadableStream)).trim().split('\n');
  return lines.map((line) => String((JSON.parse(line) as { Action: string }).Action));
}

/** The end of a job that prints `once` and ends with 3. */
const itsOwn = { status: 'failed', return_code: 3, output: 'once\n' };
/** Without an answer to the wait, the engine looks as if it had been down. */
const flagged = { ...itsOwn, output: expect.stringMatching(/^once\n\n\[stint: output may be missing/) };
/** Its credentials are spent, and it never ran. */
const neverRan = { status: 'failed', return_code: 125, output: expect.stringContaining('Could not') };
/** It is not known whether its output would arrive, so it was never started. */
const unattached = { status: expect.stringMatching(/^(failed|unknown)$/) };

test.each([
  ['create', /^\/containers\/create\b/, itsOwn, 1],
  ['upload', /^\/containers\/[^/]+\/archive\?path=%2F$/, neverRan, 0],
  ['attach', /\/attach\b/, unattached, 0],
  ['start', /\/start$/, itsOwn, 1],
  ['wait', /\/wait$/, flagged, 1],
  ['remove', /^\/containers\/[0-9a-f]+\?force/, itsOwn, 1],
] as const)('E1: a %s that was carried out, its answer lost, is settled', async (_, path, end, starts) => {
  const since = Math.floor(Date.now() / 1000);
  const qname = uniqueName();
  const before = proxy.count(path);
  await client.wait(await stand.submit({ qname, run: ['true'] }));
  expect(proxy.count(path)).toBeGreaterThan(before); // The path is one that stint requests.
  proxy.spoil(path, { kind: 'drop_reply' }, 1);

  const id = await stand.submit({ qname, run: ['sh', '-c', 'echo once; exit 3'] });

  expect(await client.wait(id, 30_000)).toMatchObject(end);
  expect((await actionsOf(id, since)).filter((action) => action === 'start')).toHaveLength(starts);
  expect(await docker.listContainers({ all: true, filters: { label: [`stint.job=${id}`] } })).toEqual([]);
});

test.each([
  ['directory is below a file', { workdir: '/bin/busybox/x' }],
  ['volume is a file', { volumes: ['/bin/busybox'] }],
])('E5: nine jobs of an image whose %s fail, and keep no other job from running', async (_, recipe) => {
  const bad = 'stint-test/nine:1';
  await buildImage(docker, { tag: bad, ...recipe });
  const logBefore = stand.log().length;
  for (let i = 0; i < 9; i++) {
    const id = await stand.submit({ qname: uniqueName(), container_image: bad, run: ['true'] });
    await client.wait(id);
    expect(await stand.look(id)).toMatchObject({ state: 'failed', code: 'image_unusable' });
  }

  const good = await stand.submit({ qname: uniqueName(), run: ['true'] });

  expect(await client.wait(good)).toMatchObject({ status: 'success' });
  expect(stand.log().slice(logBefore)).not.toContain('claims stopped');
});
