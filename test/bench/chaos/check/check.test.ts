import { expect, test } from 'vitest';
import { check, isClean } from '../../../../bench/chaos/check/check.js';
import type {
  Accepted,
  EngineEvent,
  History,
  StoredJob,
  VaultOperation,
} from '../../../../bench/chaos/history/history.js';

/** Two jobs of one queue that ran one after another without a fault. */
const first = job('a', 1, '10.00', '11.00');
const second = job('b', 2, '11.50', '12.00');
const good: History = {
  accepted: [accepted('a', 0), accepted('b', 50)],
  doubtful: [],
  refusals: [],
  jobs: [first, second],
  engine: [...life('a', 1_000, 2_000), ...life('b', 2_500, 3_000)],
  faults: [],
  deaths: [],
  left: { containers: [], hostFiles: [], requestRows: [], tokens: [] },
  vault: [...operationsOf('a'), ...operationsOf('b')],
  secret: 'hunter2',
};

function job(id: string, seq: number, from: string, to: string): StoredJob {
  return {
    id,
    seq,
    queue: 'q',
    state: 'succeeded',
    reason: undefined,
    code: undefined,
    exitCode: 0,
    submittedAt: 0,
    finishedAt: 5_000,
    killRequested: false,
    outputComplete: true,
    output: `begin ${id} ${from}\nhello\nend ${id} ${to}\n`,
    events: ends('submitted', 'claimed', 'unwrapping', 'logged_in', 'running', 'succeeded'),
  };
}

function accepted(id: string, postedAt: number, token = id): Accepted {
  const expected = { kind: 'quick', state: 'succeeded', exitCode: 0, body: 'hello\n' } as const;
  return {
    id,
    queue: 'q',
    nonce: id,
    wrappingToken: `wrapping token ${token}`,
    expected,
    postedAt,
    acceptedAt: postedAt + 10,
  };
}

function life(jobId: string, from: number, to: number, containerId = `of ${jobId}`): EngineEvent[] {
  const event = { engine: 'A', jobId, containerId };
  return [
    { ...event, action: 'start', exitCode: undefined, at: from },
    { ...event, action: 'die', exitCode: 0, at: to },
  ];
}

/** The requests to Vault for one job. */
function operationsOf(id: string): VaultOperation[] {
  const operation = (kind: VaultOperation['kind'], subject: string, ...gives: string[]) => ({
    kind,
    at: 0,
    isDone: true,
    subject: `${subject} ${id}`,
    gives: gives.map((name) => `${name} ${id}`),
  });
  return [
    operation('wrap', 'wrapping token', 'wrapping accessor', 'SecretID accessor'),
    operation('look up', 'wrapping token'),
    operation('read payload', 'cubbyhole accessor'),
    operation('look up', 'wrapping token'),
    operation('unwrap', 'wrapping accessor', 'SecretID', 'SecretID accessor'),
    operation('log in', 'SecretID', 'token'),
    operation('use', 'token'),
    operation('revoke self', 'token'),
  ];
}

/** Leaves out operations of these kinds of the first job, and adds others. */
function withVault(without: readonly VaultOperation['kind'][], ...more: VaultOperation[]): Partial<History> {
  return {
    vault: [
      ...operationsOf('a').filter(({ kind }) => !without.includes(kind)),
      ...operationsOf('b'),
      ...more,
    ],
  };
}

function operationOf(kind: VaultOperation['kind'], change: Partial<VaultOperation> = {}): VaultOperation {
  const found = operationsOf('a').find((operation) => operation.kind === kind);
  if (found === undefined) throw new Error(`Expected an operation of the kind ${kind}, got none.`);
  return { ...found, ...change };
}

/** Events from this moment on. */
function startedAt(at: number, ...kinds: string[]): StoredJob['events'] {
  return kinds.map((kind) => ({ kind, at }));
}

/** The first of the two jobs, changed. */
function withFirst(change: Partial<StoredJob>): Partial<History> {
  return { jobs: [{ ...first, ...change }, second] };
}

function ends(...kinds: string[]): StoredJob['events'] {
  return kinds.map((kind) => ({ kind, at: 0 }));
}

function broken(change: Partial<History>): string[] {
  return check({ ...good, ...change })
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule);
}

const opening = ['claimed', 'unwrapping', 'logged_in'];
const lost = { state: 'lost', exitCode: undefined, outputComplete: false, events: ends(...opening, 'lost') };
const cutOff = { ...lost, events: ends('claimed', 'unwrapping', 'lost') };
const outage = { kind: 'kill -9', target: 'node A', from: 4_000, to: 4_500 };

test('a history in which all went well breaks no rule', () => {
  expect(isClean(check(good))).toBe(true);
});

test('a lost job violates no rule where a fault explains it', () => {
  expect(broken({ ...withFirst(lost), faults: [outage] })).toEqual([]);
});

test('a login that was cut off may leave its token, or its SecretID', () => {
  const tokenLeft = { ...withVault(['revoke self']), left: { ...good.left, tokens: ['token a'] } };
  const secretIdLeft = withVault(['log in', 'use', 'revoke self']);

  expect(broken({ ...withFirst(cutOff), faults: [outage], ...tokenLeft })).toEqual([]);
  expect(broken({ ...withFirst(cutOff), faults: [outage], ...secretIdLeft })).toEqual([]);
});

test('a SecretID that could not be used may be destroyed instead', () => {
  const destroy = operationOf('revoke self', { kind: 'destroy', subject: 'SecretID accessor a' });
  const failed = {
    ...lost,
    state: 'failed',
    reason: 'auth_refused',
    events: ends('claimed', 'unwrapping', 'failed'),
  };
  const expected = { kind: 'quick', state: 'failed', exitCode: undefined, body: undefined } as const;

  const history = { ...withFirst(failed), ...withVault(['log in', 'use', 'revoke self'], destroy) };

  expect(
    broken({ ...history, accepted: [{ ...accepted('a', 0), expected: { ...expected, exitCode: 0 } }] }),
  ).not.toContain('SecretIDs that were neither used nor destroyed');
});

test('a token whose revocation Vault refused may be used until it is revoked', () => {
  const refused = operationOf('revoke self', { isDone: false });
  const further = withVault(['revoke self'], refused, operationOf('use'), operationOf('revoke self'));

  expect(broken(further)).toEqual([]);
});

test('a kill that came too late violates no rule', () => {
  const expected = { kind: 'killed', state: 'canceled', exitCode: 143, body: undefined } as const;

  expect(broken({ accepted: [{ ...accepted('a', 0), expected }, accepted('b', 50)] })).toEqual([]);
});

test.each<[rule: string, change: Partial<History>]>([
  ['accepted jobs that are missing', { jobs: [second], engine: life('b', 2_500, 3_000) }],
  ['jobs not in the order of their answers', { accepted: [accepted('b', 0), accepted('a', 50)] }],
  ['double starts', { engine: [...good.engine, ...life('b', 3_100, 3_200, 'another')] }],
  [
    'overlaps in a queue, by the engines',
    { engine: [...life('a', 1_000, 2_600), ...life('b', 2_500, 3_000)] },
  ],
  ['starts out of order in a queue', { engine: [...life('b', 1_000, 2_000), ...life('a', 2_500, 3_000)] }],
  ['overlaps in a queue, by the jobs themselves', { jobs: [first, job('b', 2, '10.50', '12.00')] }],
  [
    'jobs without a final state',
    withFirst({ state: 'running', exitCode: undefined, events: ends(...opening, 'running') }),
  ],
  ['final states that changed', withFirst({ events: ends(...opening, 'lost', 'succeeded') })],
  ['final states that changed', withFirst({ events: ends(...opening, 'succeeded', 'claimed') })],
  ['final states that changed', withFirst({ events: ends(...opening) })],
  ['final states that changed', withFirst({ events: ends(...opening, 'failed') })],
  ['lost or interrupted without a fault', withFirst(lost)],
  [
    'lost or interrupted without a fault',
    { ...withFirst(lost), faults: [{ ...outage, from: 6_000, to: 7_000 }] },
  ],
  ['outputs that are marked complete and are not', withFirst({ output: 'begin a 10.00\nhello\n' })],
  ['outputs that are marked complete and are not', withFirst({ output: 'begin a 10.00\nend a 11.00\n' })],
  [
    'outputs that are marked complete and are not',
    withFirst({ output: 'begin c 10.00\nhello\nend c 11.00\n' }),
  ],
  ['clients that were blamed for a fault', { refusals: [{ text: '401', at: 0, to: 1 }] }],
  ['nodes that ended by themselves', { deaths: ['A'] }],
  ['leaked tokens', { left: { ...good.left, tokens: ['accessor'] } }],
  ['wrapping tokens that were opened, or tried, again', withVault([], operationOf('unwrap'))],
  [
    'wrapping tokens that were opened, or tried, again',
    withVault([], operationOf('unwrap', { isDone: false, subject: '', gives: [''] })),
  ],
  ['wrapping tokens that were opened without a look-up', withVault(['look up'])],
  ['wrapping tokens that were opened without a look-up', withVault(['look up'], operationOf('look up'))],
  [
    'wrapping tokens that were opened without a look-up',
    { vault: [operationOf('look up', { at: -1 }), ...(withVault(['look up']).vault ?? [])] },
  ],
  [
    'wrapping tokens that were opened for no job, or too late',
    withFirst({ events: ends('claimed', 'succeeded') }),
  ],
  [
    'wrapping tokens that were opened for no job, or too late',
    withFirst({ events: ends('claimed', 'kill_requested', 'unwrapping', 'logged_in', 'succeeded') }),
  ],
  [
    'wrapping tokens that were opened for no job, or too late',
    { vault: [...good.vault, ...operationsOf('nobody')] },
  ],
  [
    'jobs back in the queue after their unwrap',
    withFirst({ events: [...ends(...opening), ...startedAt(2, 'postponed', 'succeeded')] }),
  ],
  ['jobs that disagree with Vault about their login', withVault(['unwrap', 'log in', 'use', 'revoke self'])],
  [
    'jobs that logged in twice',
    { ...withVault([], ...operationsOf('again')), accepted: [accepted('a', 0, 'again'), ...good.accepted] },
  ],
  ['SecretIDs that were tried again', withVault([], operationOf('log in', { isDone: false, gives: [''] }))],
  ['payloads that were read, or tried, again', withVault([], operationOf('read payload', { subject: '' }))],
  [
    'SecretIDs that were neither used nor destroyed',
    {
      ...withFirst({ events: ends('unwrapping', 'succeeded') }),
      ...withVault(['log in', 'use', 'revoke self']),
    },
  ],
  ['tokens that were never revoked', withVault(['revoke self'])],
  [
    'tokens that were never revoked',
    withVault(['revoke self'], operationOf('revoke self', { isDone: false })),
  ],
  ['tokens that were used after they revoked themselves', withVault([], operationOf('use'))],
  [
    'jobs that asked Vault too often',
    withVault([], ...Array.from({ length: 10 }, () => operationOf('look up'))),
  ],
  ['orphaned containers', { left: { ...good.left, containers: ['container'] } }],
  ['orphaned secrets files', { left: { ...good.left, hostFiles: ['file'] } }],
  ['sealed requests of ended jobs', { left: { ...good.left, requestRows: ['a'] } }],
])('finds %s', (rule, change) => {
  expect(broken(change)).toEqual([rule]);
});

test('finds a secret in an output', () => {
  expect(broken(withFirst({ output: first.output.replace('hello', 'hunter2') }))).toContain(
    'outputs with a secret',
  );
});

test('finds a success without the code 0, whatever the engine said', () => {
  const change = withFirst({ exitCode: 3 });

  expect(broken({ ...change, engine: [] })).toEqual(['wrong ends']);
  expect(broken(change)).toEqual(['wrong ends', 'codes that are not the engine’s']);
});

test('finds a success where a failure was expected, and a failure where a success was', () => {
  const expected = { kind: 'exit 3', state: 'failed', exitCode: 3, body: 'hello\n' } as const;
  const failed = { state: 'failed', reason: 'exit_code', exitCode: 1, events: ends(...opening, 'failed') };

  expect(broken({ accepted: [{ ...accepted('a', 0), expected }, accepted('b', 50)] })).toEqual([
    'wrong ends',
  ]);
  expect(broken({ ...withFirst(failed), engine: [] })).toEqual(['wrong ends']);
});

test('finds a job that is recorded as not started and ran', () => {
  const refused = {
    state: 'failed',
    reason: 'start_failed',
    exitCode: undefined,
    events: ends(...opening, 'failed'),
  };

  expect(broken({ ...withFirst(refused), faults: [outage] })).toEqual(['wrong ends']);
  expect(broken({ ...withFirst(refused), faults: [outage], engine: [] })).toEqual([]);
});

test('finds a job that was canceled without a kill request', () => {
  const canceled = { state: 'canceled', exitCode: undefined, events: ends(...opening, 'canceled') };

  expect(broken(withFirst(canceled))).toEqual(['wrong ends']);
});

function left(...tokens: string[]): Partial<History> {
  return { left: { ...good.left, tokens } };
}

test('excuses the token that Vault issued to a login that was cut off, and no other', () => {
  const history = { ...withFirst(cutOff), faults: [outage], ...withVault(['revoke self']) };

  expect(broken({ ...history, ...left('token a') })).toEqual([]);
  expect(broken({ ...history, ...left('token b') })).toEqual(['leaked tokens']);
  expect(broken({ ...history, ...left('token a', 'another') })).toEqual(['leaked tokens']);
});

test('finds the job of a wrapping token by its queue where the post had no answer', () => {
  const unheard = {
    accepted: [accepted('b', 50)],
    doubtful: [{ queue: 'q', wrappingToken: 'wrapping token a' }],
  };
  const history = { ...unheard, faults: [outage], ...left('token a'), ...withVault(['revoke self']) };

  expect(broken({ ...history, ...withFirst(cutOff) })).toEqual([]);
  expect(broken({ ...history, ...withFirst(lost) })).toEqual([
    'tokens that were never revoked',
    'leaked tokens',
  ]);
  expect(broken({ ...history, ...withFirst({ ...cutOff, queue: 'other' }) })).toEqual([
    'wrapping tokens that were opened for no job, or too late',
    'tokens that were never revoked',
    'leaked tokens',
  ]);
});

test('accepts the first code of an engine that reports another one after a restart', () => {
  const again = { ...life('a', 0, 9_000)[1], exitCode: 255 } as EngineEvent;

  expect(broken({ engine: [...good.engine, again] })).not.toContain('codes that are not the engine’s');
});
