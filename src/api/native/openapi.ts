// Describes the native routes in OpenAPI 3.1; a test compares it with the routes and their answers.

import { z } from 'zod';
import * as wire from './wire.js';

/** The named schemas of the document. */
export const schemas = {
  Queue: wire.wireQueueDetail,
  Queues: wire.wireQueues,
  Nodes: wire.wireNodes,
  Job: wire.wireJobDetail,
  Containers: wire.wireCandidates,
  Head: wire.wireHead,
  SecretReads: wire.wireSecretReads,
  Reason: wire.wireReason,
  QueueSettings: wire.wireSettings,
  Problem: wire.wireProblem,
};

type SchemaName = keyof typeof schemas;

/** One method of one path. */
interface Operation {
  readonly id: string;
  readonly summary: string;
  readonly answer: SchemaName;
  readonly body?: SchemaName;
  readonly query?: readonly Parameter[];
  /** Error statuses beyond those that every operation has. */
  readonly refuses?: readonly number[];
}

interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly schema: object;
  readonly required?: true;
}

type Path = Partial<Record<'get' | 'post' | 'put', Operation>>;

const page: readonly Parameter[] = [
  {
    name: 'limit',
    description: 'How many at most.',
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  },
  {
    name: 'after',
    description: 'Goes on after the queue of this name.',
    schema: { type: 'string' },
  },
];

const secretPage: readonly Parameter[] = [
  {
    name: 'path',
    description: 'As jobs name it, such as `kv/data/app`.',
    schema: { type: 'string' },
    required: true,
  },
  {
    name: 'version',
    description: 'Without it those of all versions.',
    schema: { type: 'integer', minimum: 0 },
  },
  { name: 'after', description: 'The `next` of the page before.', schema: { type: 'string' } },
  ...page.filter(({ name }) => name === 'limit'),
];

const queue = { answer: 'Queue' } as const;

/** Paths below the prefix. */
const paths: Readonly<Record<string, Path>> = {
  '/queues': {
    get: { id: 'listQueues', summary: 'Queues in the order of names', answer: 'Queues', query: page },
  },
  '/queues/{name}': {
    get: {
      id: 'showQueue',
      summary: 'One queue, and why its first waiting job does not run',
      ...queue,
      refuses: [404],
    },
  },
  '/queues/{name}/pause': {
    post: {
      id: 'pauseQueue',
      summary: 'Nobody gets the turn any more; what runs goes on',
      ...queue,
      body: 'Reason',
    },
  },
  '/queues/{name}/resume': {
    post: { id: 'resumeQueue', summary: 'Ends a pause', ...queue, refuses: [404] },
  },
  '/queues/{name}/release': {
    post: {
      id: 'releaseQueue',
      summary: 'Ends a hold: you answer for what may still run. Without a hold nothing changes',
      ...queue,
      body: 'Reason',
      refuses: [404],
    },
  },
  '/queues/{name}/settings': {
    put: { id: 'configureQueue', summary: 'Sets what a queue may do', ...queue, body: 'QueueSettings' },
  },
  '/nodes': { get: { id: 'listNodes', summary: 'Nodes, the one seen last first', answer: 'Nodes' } },
  '/nodes/{id}/drain': {
    post: { id: 'drainNode', summary: 'The node takes no more jobs', answer: 'Nodes', refuses: [404] },
  },
  '/nodes/{id}/undrain': {
    post: { id: 'undrainNode', summary: 'The node takes jobs again', answer: 'Nodes', refuses: [404] },
  },
  '/jobs/{id}': {
    get: {
      id: 'showJob',
      summary: 'All that is known of a job, with every step of its life; for its submitter too',
      answer: 'Job',
      refuses: [404],
    },
  },
  '/jobs/{id}/kill': {
    post: {
      id: 'killJob',
      summary: "Kills anybody's job, whichever API took it; nothing changes of one that has ended",
      answer: 'Job',
      body: 'Reason',
      refuses: [404],
    },
  },
  '/jobs/{id}/finalise': {
    post: {
      id: 'finaliseJob',
      summary: 'Calls a job lost whose kill is not carried out, because its engine does not answer',
      answer: 'Job',
      body: 'Reason',
      refuses: [404, 409],
    },
  },
  '/secrets': {
    get: {
      id: 'listSecretReads',
      summary: 'Which jobs were given a secret of Vault, by its path and version',
      answer: 'SecretReads',
      query: secretPage,
    },
  },
  '/audit/head': {
    get: {
      id: 'showHead',
      summary: 'The last signed head of the history, to be kept elsewhere',
      answer: 'Head',
      refuses: [404],
    },
  },
  '/reaper': {
    get: { id: 'previewReaper', summary: 'Which containers the reaper would remove', answer: 'Containers' },
    post: { id: 'runReaper', summary: 'Removes them now', answer: 'Containers' },
  },
};

/** The whole document. It holds no secret, so it is readable without a token. */
export function openApiDocument(prefix: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'stint',
      version: '1',
      description:
        'What operators do: queues, nodes, jobs, the reaper. Needs a Vault token with one of the policies that ' +
        'STINT_OPERATOR_POLICIES names.',
    },
    security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
    paths: Object.fromEntries(
      Object.entries(paths).map(([path, methods]) => [`${prefix}${path}`, describePath(path, methods)]),
    ),
    components: {
      securitySchemes,
      schemas: Object.fromEntries(
        Object.entries(schemas).map(([name, schema]) => [name, toSchema(schema)] as const),
      ),
    },
  };
}

const securitySchemes = {
  authToken: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
  vaultToken: { type: 'apiKey', in: 'header', name: 'X-Vault-Token' },
  bearer: { type: 'http', scheme: 'bearer' },
};

function describePath(path: string, methods: Path): object {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const described = Object.entries(methods).map(
    ([method, operation]) => [method, describe(operation)] as const,
  );
  return { ...(parameters.length > 0 && { parameters }), ...Object.fromEntries(described) };
}

function describe({ id, summary, answer, body, query = [], refuses = [] }: Operation): object {
  return {
    operationId: id,
    summary,
    ...(query.length > 0 && { parameters: query.map((parameter) => ({ in: 'query', ...parameter })) }),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: refer(body) } } },
    }),
    responses: {
      200: { description: 'Done.', content: { 'application/json': { schema: refer(answer) } } },
      ...Object.fromEntries(
        [...always, ...refuses].toSorted().map((status) => [status, problem(status)] as const),
      ),
    },
  };
}

/** Bad input, no token, no right, a bug in stint, a part that is unavailable. */
const always = [400, 401, 403, 500, 503] as const;

const meanings: Readonly<Record<number, string>> = {
  400: 'Something in the request is not as expected.',
  401: 'There is no token, or Vault does not know it.',
  403: 'The token has no operator policy.',
  404: 'There is no such thing, or it is out of reach.',
  409: 'Not now: see `detail`.',
  500: 'An error of stint itself.',
  503: 'Postgres, Vault or the engine is unavailable: try again.',
};

function problem(status: number): object {
  return {
    description: meanings[status] ?? '',
    content: { 'application/problem+json': { schema: refer('Problem') } },
  };
}

function refer(name: SchemaName): object {
  return { $ref: `#/components/schemas/${name}` };
}

function toSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}
