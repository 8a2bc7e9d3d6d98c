import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JobProxyOptions } from '../../../../src/api/jobproxy/options.js';
import { toJobRequest } from '../../../../src/api/jobproxy/task/task.js';
import { parseXmlTask } from '../../../../src/api/jobproxy/task/xml-task.js';
import { RefusedError } from '../../../../src/job/errors.js';
import type { JobRequest, SpecFields } from '../../../../src/job/job.js';

const owner = { key: 'entity:e1', displayName: 'tester' };
const options: JobProxyOptions = {
  image: 'default:1',
  pullPolicy: 'Always',
  memoryUnitBytes: 1024 ** 2,
  queue: null,
  outputRoot: undefined,
};

function convert(task: object, changes: Partial<JobProxyOptions> = {}): JobRequest {
  return toJobRequest({ user: 'kai', ...task }, owner, { ...options, ...changes });
}

function problemsOf(task: object, changes: Partial<JobProxyOptions> = {}): string[] {
  try {
    toJobRequest(task as Record<string, unknown>, owner, { ...options, ...changes });
  } catch (error) {
    if (error instanceof RefusedError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const base = { pullPolicy: 'Always', image: 'default:1', options: {} };
const shell = (line: string) => ['/bin/sh', '-c', line];
const container = { image: 'httpd:2' };
const port = { container: 80, host: 8080, loopbackOnly: false };
const mount = { kind: 'bind', source: '/data', target: '/in', readOnly: false };

const table: readonly [string, object, SpecFields | object][] = [
  [
    'a text is a shell line',
    { cmd: "echo 'two words' | wc -w" },
    { command: shell("echo 'two words' | wc -w") },
  ],
  [
    'a list is the command itself',
    { cmd: ['printf', '%s\n', 'a & b'] },
    { command: ['printf', '%s\n', 'a & b'] },
  ],
  ['a list of one is a shell line', { cmd: ['echo a b'] }, { command: shell('echo a b') }],
  ['an argument may be empty', { cmd: ['printf', ''] }, { command: ['printf', ''] }],
  ['an empty list is none', { cmd: [], container }, { image: 'httpd:2' }],
  ['a container without a command', { container }, { image: 'httpd:2' }],
  [
    'both: the command runs in the container',
    { cmd: 'id', container },
    { image: 'httpd:2', command: shell('id') },
  ],
  [
    'the inner command wins',
    { cmd: 'id', container: { ...container, cmd: ['ls', '/'] } },
    { image: 'httpd:2', command: ['ls', '/'] },
  ],
  ['the name of the published model', { tcontainer: container }, { image: 'httpd:2' }],
  [
    'limits',
    { cmd: 'id', cores: 2, memory: 256, cputime: 2 },
    {
      command: shell('id'),
      options: { limits: { cpus: 2, memoryBytes: 268_435_456, cpuTimeMs: 7_200_000 } },
    },
  ],
  ['no cores at all is no limit', { container, cores: 0 }, { image: 'httpd:2' }],
  [
    'numbers as texts',
    { container, cores: '2', memory: ' 128 ', cputime: '1.0' },
    { image: 'httpd:2', options: { limits: { cpus: 2, memoryBytes: 134_217_728, cpuTimeMs: 3_600_000 } } },
  ],
  ...(
    [
      ['2G', 2 * 1024 ** 3],
      ['2g', 2 * 1024 ** 3],
      ['512M', 512 * 1024 ** 2],
      ['512Mi', 512 * 1024 ** 2],
      ['1.5GiB', 1.5 * 1024 ** 3],
    ] as const
  ).map(([memory, memoryBytes]): [string, object, object] => [
    `memory ${memory}`,
    { container, memory },
    { image: 'httpd:2', options: { limits: { memoryBytes } } },
  ]),
  ...(
    [
      ['the form of the seed', { port: { host: 8080, container: 80 } }],
      ['a list of such', [{ port: { host: 8080, container: 80 } }]],
      ['a list within', { port: [{ host: 8080, container: 80 }] }],
      ['a bare one', { host: 8080, container: 80 }],
      ['a bare one in a list, as texts', [{ host: '8080', container: ' 80 ' }]],
    ] as const
  ).map(([name, ports]): [string, object, object] => [
    `ports: ${name}`,
    { container: { ...container, ports } },
    { image: 'httpd:2', options: { ports: [port] } },
  ]),
  [
    'ports: the engine chooses',
    {
      container: { ...container, ports: [{ port: { container: 80 } }, { port: { host: 0, container: 81 } }] },
    },
    {
      image: 'httpd:2',
      options: {
        ports: [
          { ...port, host: 0 },
          { ...port, host: 0, container: 81 },
        ],
      },
    },
  ],
  ...[{}, [], null, { port: null }, { port: [] }].map((ports): [string, object, object] => [
    `ports: none, ${JSON.stringify(ports)}`,
    { container: { ...container, ports } },
    { image: 'httpd:2' },
  ]),
  ...(
    [
      [undefined, false],
      ['rw', false],
      ['RO', true],
      ['Ro', true],
    ] as const
  ).map(([mode, readOnly]): [string, object, object] => [
    `mounts: mode ${mode}`,
    { container: { ...container, mounts: [{ mount: { host: '/data', container: '/in', mode } }] } },
    { image: 'httpd:2', options: { mounts: [{ ...mount, readOnly }] } },
  ]),
  [
    'mounts: a single one',
    { container: { ...container, mounts: { mount: { host: '/data', container: '/in' } } } },
    { image: 'httpd:2', options: { mounts: [mount] } },
  ],
  [
    'null counts as not given',
    { cmd: 'id', container: null, cores: null, memory: null, stdout: null },
    { command: shell('id') },
  ],
  [
    'unknown fields are ignored',
    { cmd: 'id', priority: 3, container: { ...container, gpus: 1 } },
    { image: 'httpd:2', command: shell('id') },
  ],
  [
    'secrets',
    {
      cmd: 'id',
      wrap_secret_id: 's.w',
      secret_refs: ['A@kv/data/x.y'],
      secret_file_type: 'json',
      cont_on_warnings: true,
    },
    { command: shell('id'), secretRefs: ['A@kv/data/x.y'], secretFileType: 'json', continueOnWarnings: true },
  ],
];

describe('a task becomes a job', () => {
  test.each(table)('%s', (_, task, fields) => {
    expect(convert(task).fields).toEqual({ ...base, ...fields });
  });

  test('of its door, its owner and without a queue; its user is a label', () => {
    const request = convert({ user: 'mlindner', cmd: 'id' });

    expect(request).toMatchObject({ door: 'jobproxy', owner, queue: null, label: { requester: 'mlindner' } });
    expect(request.payload).toEqual({ kind: 'none' });
    expect(request.wrappedSecretId).toBeUndefined();
  });

  test('with a wrapping token it has an identity at Vault', () => {
    expect(convert({ cmd: 'id', wrap_secret_id: 's.w' }).wrappedSecretId?.reveal()).toBe('s.w');
  });

  test('settings choose queue, pull policy and the unit of memory', () => {
    const request = convert(
      { cmd: 'id', memory: 2 },
      { queue: 'tasks', pullPolicy: 'Never', memoryUnitBytes: 1024 ** 3 },
    );

    expect(request.queue).toBe('tasks');
    expect(request.fields).toMatchObject({
      pullPolicy: 'Never',
      options: { limits: { memoryBytes: 2 * 1024 ** 3 } },
    });
  });
});

const outputOf = (task: object, outputRoot?: string) =>
  convert({ cmd: 'id', ...task }, { outputRoot }).fields.options?.output;

describe('the targets of output', () => {
  test('are kept as they are where the operator has named no directory', () => {
    expect(outputOf({ stdout: '../a', stderr: '/dev/null' })).toEqual({
      stdout: '../a',
      stderr: '/dev/null',
    });
  });

  test('are below that directory, relative ones in the one of the user; a colon in front is dropped', () => {
    expect(outputOf({ stdout: ':a/', stderr: '/out/b' }, '/out')).toEqual({
      stdout: '/out/kai/a/',
      stderr: '/out/b',
    });
  });

  test.each([
    [{ stdout: '../a' }, 'stdout: expected a path without `..`'],
    [{ stderr: '/etc/passwd' }, "stderr: expected a path below the operator's directory"],
    [{ stdout: 'a', user: 'a/b' }, 'user: expected the name of a directory, since `stdout` is in it'],
    [{ stdout: 'a', user: '..' }, 'user: expected the name of a directory'],
    [{ stdout: ':' }, 'stdout: size must be between'],
  ])('%j is refused', (task, line) => {
    expect(problemsOf({ user: 'kai', cmd: 'id', ...task }, { outputRoot: '/out' })[0]).toContain(line);
  });

  test('a user that is no name of a directory is one where no path is in it', () => {
    expect(outputOf({ user: 'a/b', stdout: '/out/x' }, '/out')).toEqual({ stdout: '/out/x' });
  });
});

describe('a problem is one line that names its field', () => {
  test.each([
    [{ cmd: 'true' }, 'user: may not be null'],
    [{ user: '', cmd: 'true' }, 'user: size must be between 1 and 2147483647'],
    [{ user: 'kai' }, 'cmd: may not be null: expected `cmd`, `container` or both'],
    [{ user: 'kai', cmd: '' }, 'cmd: size must be between 1 and 2147483647'],
    [{ user: 'kai', container: {} }, 'container.image: may not be null'],
    [{ user: 'kai', cmd: 'id', cores: 1.5 }, 'cores: expected a whole number from 0 to 2147483647, got 1.5'],
    [
      { user: 'kai', container: { image: 'a', ports: { port: { host: 1 } } } },
      'container.ports.port.container: may not be null',
    ],
    [
      { user: 'kai', cmd: 'id', secret_refs: ['A@x.y'] },
      'wrap_secret_id: may not be null: without it no secret of `secret_refs` can be read',
    ],
    [
      { task: { user: 'kai', cmd: 'id' } },
      'Expected the body to be the object of a task, got it within `task`.',
    ],
  ])('%j', (task, line) => {
    expect(problemsOf(task)).toEqual([line]);
  });

  test('without a default image a task needs a container', () => {
    expect(problemsOf({ user: 'kai', cmd: 'id' }, { image: undefined })).toEqual([
      'container: may not be null: a task without one runs in a default image, and the operator has named none (STINT_JOBPROXY_IMAGE)',
    ]);
  });

  test('all problems of a task are told at once', () => {
    const task = {
      cores: 'abc',
      memory: true,
      cputime: -1,
      stdout: '',
      container: { image: 'A B', ports: [7] },
    };

    expect(problemsOf(task).map((line) => /^(?:Expected `)?([\w.]+)/.exec(line)?.[1])).toEqual([
      'user',
      'container.ports.port',
      'cores',
      'memory',
      'cputime',
      'stdout',
      'container.image',
    ]);
  });

  test('many problems are cut to a few', () => {
    const ports = Array.from({ length: 1000 }, () => ({ port: {} }));

    expect(problemsOf({ user: 'kai', container: { image: 'a', ports } })).toHaveLength(21);
    expect(problemsOf({ user: 'kai', cmd: Array.from({ length: 90_000 }, () => 7) })).toHaveLength(21);
    expect(problemsOf({ user: 'kai', container: { image: 'a', ports: [...ports, ...ports] } })).toEqual([
      'container.ports: expected at most 1024 entries, got 2000',
    ]);
  });
});

const argument = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text.isWellFormed());

function asReferences(text: string): string {
  return [...text].map((sign) => `&#${sign.codePointAt(0)};`).join('');
}

test('a task says the same in JSON and in XML', async () => {
  const writable = argument.filter((text) => !/(?![\t\n\r\u007f-\u009f])\p{Cc}|[\ufffe\uffff]/u.test(text));
  const task = fc.record({
    user: fc.constant('kai'),
    cmd: fc.array(writable, { minLength: 2, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(task, async ({ user, cmd }) => {
      const xml = `<task><user>${user}</user>${cmd.map((each) => `<cmd>${asReferences(each)}</cmd>`).join('')}</task>`;
      const parsed = await parseXmlTask(Buffer.from(xml), undefined);
      expect('object' in parsed && convert(parsed.object).fields).toEqual(convert({ cmd }).fields);
    }),
  );
});
