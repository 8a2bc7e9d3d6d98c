import { splitAndMerge } from '../lopco/pipeline/documents.js';

/** What a route is about, which decides who may ask it. */
export type About =
  /** Nobody's: it needs no token. */
  | 'open'
  /** The token stands in the password of `Basic`, and is the answer. */
  | 'exchange'
  /** It needs a token that Vault accepts, and no right. */
  | 'caller'
  /** A list: it shows what the caller may see. */
  | 'list'
  | 'submit'
  /** One job. */
  | 'read'
  | 'update'
  | 'delete'
  /** The jobs of one session as one thing: it is there for whoever may list one of them. */
  | 'listed'
  /** What a job runs, with the secrets of its owner: nobody else changes it. */
  | 'own'
  /** Documents of a registry. */
  | 'documents'
  | 'document'
  | 'own document'
  /** The job is looked up when the WebSocket is open: `test/api/gaffer/channel/` has what happens there. */
  | 'channel'
  | 'operator read'
  | 'operator update'
  /** The same, of one job. */
  | 'operator job';

export interface Cell {
  readonly about: About;
  readonly body?: unknown;
  readonly query?: string;
}

const reason = { reason: 'maintenance' };
const gostintJob = { qname: 'demo', container_image: 'busybox', run: ['true'], wrap_secret_id: 's.wrap' };
const runaiJob = { job: { name: 'new', project: 'p', image: 'busybox', command: 'true' } };
/** Documents of the registries. */
export const machine = { name: 'Press 7', pipeline_id: 'p1' };
export const pipeline = splitAndMerge;

const runai = (root: string): Readonly<Record<string, Cell>> => ({
  [`GET ${root}`]: { about: 'list' },
  [`POST ${root}`]: { about: 'submit', body: runaiJob },
  [`DELETE ${root}`]: { about: 'update', body: [{ name: 'n', project: 'p' }] },
});

const runaiVersioned = (root: string): Readonly<Record<string, Cell>> => ({
  ...runai(root),
  [`GET ${root}/:project`]: { about: 'list' },
  [`GET ${root}/:project/:name`]: { about: 'read' },
});

const gafferJob = '/jobs/:session/:label';
const pid = '/:pid{[1-9][0-9]*}';

/** Every route. One that is not here fails the test. */
export const cells: Readonly<Record<string, Cell>> = {
  'GET /healthz': { about: 'open' },
  'GET /readyz': { about: 'open' },
  'GET /login': { about: 'open' },
  'GET /v1/api/health': { about: 'open' },
  'GET /v1/api/vault/info': { about: 'open' },
  'GET /v1/api/metrics': { about: 'open' },
  'GET /v1/api/job': { about: 'list' },
  'POST /v1/api/job': { about: 'submit', body: gostintJob },
  'GET /v1/api/job/:id': { about: 'read' },
  'DELETE /v1/api/job/:id': { about: 'delete' },
  'POST /v1/api/job/kill/:id': { about: 'update' },
  'GET /v1/jobproxy/ping': { about: 'open' },
  'POST /v1/jobproxy/submit': { about: 'submit', body: { user: 'kai', cmd: 'true' } },
  'GET /v1/jobproxy/state': { about: 'list' },
  'GET /v1/jobproxy/state/:id': { about: 'read' },
  'DELETE /v1/jobproxy/delete/:id': { about: 'update' },
  ...runai('/api/job'),
  ...runaiVersioned('/api/v1/job'),
  ...runaiVersioned('/api/v1/jobs'),
  'GET /api/v1/projects': { about: 'list' },
  ...runai('/researcher/api/job'),
  ...runaiVersioned('/researcher/api/v1/job'),
  ...runaiVersioned('/researcher/api/v1/jobs'),
  'GET /researcher/api/v1/projects': { about: 'list' },
  'GET /channel/websocket': { about: 'channel' },
  [`GET ${pid}/channel`]: { about: 'channel' },
  [`GET ${pid}/channel/:label`]: { about: 'channel' },
  'GET /': { about: 'open' },
  'GET /version': { about: 'open' },
  'GET /ping': { about: 'open' },
  'GET /auth': { about: 'exchange' },
  'GET /sessions': { about: 'list' },
  'GET /jobs': { about: 'list' },
  'GET /pids': { about: 'list' },
  'GET /jobs/:session': { about: 'listed' },
  'POST /jobs/:session': { about: 'submit', body: { name: 'other', cmd: 'true' } },
  [`GET ${gafferJob}`]: { about: 'read' },
  [`PUT ${gafferJob}`]: { about: 'own', body: { name: 'web', cmd: 'true' } },
  [`DELETE ${gafferJob}`]: { about: 'update' },
  [`GET ${gafferJob}/pids`]: { about: 'read' },
  [`POST ${gafferJob}/commit`]: { about: 'own', body: {} },
  [`GET ${gafferJob}/state`]: { about: 'read' },
  [`POST ${gafferJob}/state`]: { about: 'update', body: 2 },
  [`GET ${gafferJob}/numprocesses`]: { about: 'read' },
  [`POST ${gafferJob}/numprocesses`]: { about: 'update', body: { scale: '+1' } },
  [`POST ${gafferJob}/signal`]: { about: 'update', body: { signal: 'hup' } },
  [`GET ${gafferJob}/stats`]: { about: 'read' },
  [`GET ${pid}`]: { about: 'read' },
  [`DELETE ${pid}`]: { about: 'update' },
  [`POST ${pid}/signal`]: { about: 'update', body: { signal: 'hup' } },
  [`GET ${pid}/stats`]: { about: 'read' },
  'GET /job-manager/jobs': { about: 'list' },
  'POST /job-manager/jobs': {
    about: 'submit',
    body: { machine_id: 'press-08', hash: 'cd'.repeat(64), file_name: 'upload' },
  },
  'GET /job-manager/jobs/:job': { about: 'read' },
  'POST /job-manager/jobs/:job': { about: 'update', body: { status: 'aborted' } },
  'GET /job-manager/history': { about: 'list' },
  'GET /job-manager/history/:job': { about: 'read' },
  'GET /machine-registry/machines': { about: 'documents' },
  'GET /machine-registry/machines/:id': { about: 'document' },
  'PUT /machine-registry/machines/:id': { about: 'caller', body: machine },
  'DELETE /machine-registry/machines/:id': { about: 'own document' },
  'GET /pipeline-registry/pipelines': { about: 'documents' },
  'POST /pipeline-registry/pipelines': { about: 'caller', body: pipeline },
  'GET /pipeline-registry/pipelines/:id': { about: 'document' },
  'PUT /pipeline-registry/pipelines/:id': { about: 'caller', body: pipeline },
  'DELETE /pipeline-registry/pipelines/:id': { about: 'own document' },
  'GET /stint/v1/openapi.json': { about: 'open' },
  'GET /stint/v1/queues': { about: 'operator read' },
  'GET /stint/v1/queues/:name': { about: 'operator read' },
  'POST /stint/v1/queues/:name/pause': { about: 'operator update', body: reason },
  'POST /stint/v1/queues/:name/resume': { about: 'operator update' },
  'POST /stint/v1/queues/:name/release': { about: 'operator update', body: reason },
  'PUT /stint/v1/queues/:name/settings': { about: 'operator update', body: { max_waiting: 5 } },
  'GET /stint/v1/nodes': { about: 'operator read' },
  'POST /stint/v1/nodes/:id/drain': { about: 'operator update' },
  'POST /stint/v1/nodes/:id/undrain': { about: 'operator update' },
  'GET /stint/v1/jobs/:id': { about: 'read' },
  'POST /stint/v1/jobs/:id/kill': { about: 'operator job', body: reason },
  'POST /stint/v1/jobs/:id/finalise': { about: 'operator job', body: reason },
  'GET /stint/v1/secrets': { about: 'operator read', query: 'path=kv/data/demo' },
  'GET /stint/v1/audit/head': { about: 'operator read' },
  'GET /stint/v1/reaper': { about: 'operator read' },
  'POST /stint/v1/reaper': { about: 'operator update' },
};
