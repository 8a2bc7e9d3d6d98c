import { doors, type Job } from '../../../src/job/job.js';
import { knownJob } from '../../support/fake-operations.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';
import { createGafferApp } from '../gaffer/gaffer-app.js';
import { allowed, newJob, name as pipelineName } from '../lopco/lopco-app.js';
import { type Cell, machine, pipeline } from './cells.js';

/** Of each token the owner key that its jobs have. */
const ownerKeys = {
  's.token1': 'e1',
  's.lead': 'le',
  's.auditor': 'au',
  's.operator': 'op',
  's.right': 'ri',
  's.foreign': 'e9',
};
export type Token = keyof typeof ownerKeys;

export interface Asked {
  readonly status: number;
  readonly text: string;
  /** Without those that differ from request to request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface World extends Pick<TestApp, 'asked' | 'identified'> {
  readonly ask: (token: Token | undefined) => Promise<Asked>;
}

/** An app in which the job or document that a route is about belongs to somebody, or is not there. */
export async function worldOf(route: string, cell: Cell, owner: Token | undefined): Promise<World> {
  const [method = '', path = ''] = route.split(' ');
  const tested = isGaffer(path) ? createGafferApp() : createTestApp({ policyFor: () => allowed });
  const door = doorOf(path);
  if (owner !== undefined) await fill(tested, { owner, path, door });
  else tested.operations.ownerKey = undefined;
  tested.asked.length = 0;
  const ask: World['ask'] = (token) =>
    send(tested, {
      method,
      path: realPath(path) + (cell.query === undefined ? '' : `?${cell.query}`),
      body: cell.body,
      token,
    });
  return { ask, asked: tested.asked, identified: tested.identified };
}

function isGaffer(path: string): boolean {
  return /^\/(?:jobs|sessions|pids|:pid)/.test(path);
}

function doorOf(path: string): Job['door'] | undefined {
  const word = path.startsWith('/v1/jobproxy')
    ? 'jobproxy'
    : /\/api\/(?:v1\/)?(?:jobs?|projects)/.test(path) && !path.startsWith('/v1')
      ? 'runai'
      : 'gostint';
  return doors.find((each) => each === word);
}

interface Filling {
  readonly owner: Token;
  readonly path: string;
  readonly door: Job['door'] | undefined;
}

async function fill(
  tested: Omit<TestApp, 'queue'> & { queue: TestApp['queue'] },
  { owner, path, door = 'gostint' }: Filling,
): Promise<void> {
  const key = `entity:${ownerKeys[owner]}`;
  tested.operations.ownerKey = key;
  const by = (method: string, to: string, body: unknown) =>
    send(tested, { method, path: to, body, token: owner });
  if (isGaffer(path)) {
    await by('POST', '/jobs/shop', { name: 'web', cmd: 'httpd' });
    return;
  }
  if (path.startsWith('/job-manager')) {
    await by('POST', '/job-manager/jobs', newJob);
    const job = await tested.queue.find(
      { door: 'lopco', project: undefined, name: pipelineName },
      { everyone: true },
    );
    if (path.includes('history')) tested.queue.change(job.id, { state: 'succeeded' });
    return;
  }
  if (path.startsWith('/machine')) await by('PUT', '/machine-registry/machines/x', machine);
  if (path.startsWith('/pipeline')) await by('PUT', '/pipeline-registry/pipelines/x', pipeline);
  const queue = door === 'gostint' ? 'demo' : null;
  const label = door === 'runai' ? { project: 'p', name: 'n' } : {};
  tested.queue.add({ id: knownJob, door, queue, label, owner: { key, displayName: 'somebody' } });
}

/** The path of a request, from that of the route. */
function realPath(path: string): string {
  const name = path.startsWith('/stint') ? 'demo' : 'n';
  const id = path.includes('/nodes/') ? 'node-1' : path.includes('registry') ? 'x' : knownJob;
  return path
    .replace(':pid{[1-9][0-9]*}', '1')
    .replace(':session', 'shop')
    .replace(':label', path.includes('channel') ? 'stdout' : 'web')
    .replace(':project', 'p')
    .replace(':name', name)
    .replace(':job', pipelineName)
    .replace(':id', id);
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly token: Token | undefined;
}

async function send({ app }: Pick<TestApp, 'app'>, { method, path, body, token }: Sent): Promise<Asked> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    ...(token !== undefined && { 'x-auth-token': token }),
    ...(text !== undefined && { 'content-type': 'application/json' }),
  };
  const response = await app.request(path, { method, headers, ...(text !== undefined && { body: text }) });
  const given = [...response.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
  return { status: response.status, text: await response.text(), headers: Object.fromEntries(given) };
}
