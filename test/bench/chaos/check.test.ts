import { expect, test } from 'vitest';
import { check, isClean } from '../../../bench/chaos/check.js';
import type { Accepted, EngineEvent, History, StoredJob } from '../../../bench/chaos/history.js';

/** Two jobs of one queue, run one after the other without any trouble. */
const first = job('a', 1, '10.00', '11.00');
const second = job('b', 2, '11.50', '12.00');
const good: History = {
  accepted: [accepted('a', 0), accepted('b', 50)],
  refusals: [],
  jobs: [first, second],
  engine: [...life('a', 1_000, 2_000), ...life('b', 2_500, 3_000)],
  faults: [],
  deaths: [],
  left: { containers: [], hostFiles: [], requestRows: [], tokens: [] },
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
    events: ['submitted', 'claimed', 'running', 'succeeded'].map((kind) => ({ kind, at: 0 })),
  };
}

function accepted(id: string, postedAt: number): Accepted {
  const expected = { kind: 'quick', state: 'succeeded', exitCode: 0, body: 'hello\n' } as const;
  return { id, queue: 'q', nonce: id, expected, postedAt, acceptedAt: postedAt + 10 };
}

function life(jobId: string, from: number, to: number, containerId = `of ${jobId}`): EngineEvent[] {
  const event = { engine: 'A', jobId, containerId };
  return [
    { ...event, action: 'start', exitCode: undefined, at: from },
    { ...event, action: 'die', exitCode: 0, at: to },
  ];
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

const lost = { state: 'lost', exitCode: undefined, outputComplete: false, events: ends('claimed', 'lost') };
const outage = { kind: 'kill -9', target: 'node A', from: 4_000, to: 4_500 };

test('a history in which all went well breaks no rule', () => {
  expect(isClean(check(good))).toBe(true);
});

test('a lost job is no broken promise where a fault explains it', () => {
  expect(broken({ ...withFirst(lost), faults: [outage] })).toEqual([]);
});

test('a kill that came too late is none either', () => {
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
    withFirst({ state: 'running', exitCode: undefined, events: ends('running') }),
  ],
  ['final states that changed', withFirst({ events: ends('claimed', 'lost', 'succeeded') })],
  ['final states that changed', withFirst({ events: ends('claimed', 'succeeded', 'claimed') })],
  ['final states that changed', withFirst({ events: ends('claimed') })],
  ['final states that changed', withFirst({ events: ends('claimed', 'failed') })],
  ['lost or broken off without a fault', withFirst(lost)],
  [
    'lost or broken off without a fault',
    { ...withFirst(lost), faults: [{ ...outage, from: 6_000, to: 7_000 }] },
  ],
  ['outputs that are called complete and are not', withFirst({ output: 'begin a 10.00\nhello\n' })],
  ['outputs that are called complete and are not', withFirst({ output: 'begin a 10.00\nend a 11.00\n' })],
  [
    'outputs that are called complete and are not',
    withFirst({ output: 'begin c 10.00\nhello\nend c 11.00\n' }),
  ],
  ['clients that were blamed for a fault', { refusals: [{ text: '401', at: 0, to: 1 }] }],
  ['nodes that ended by themselves', { deaths: ['A'] }],
  ['leaked tokens', { left: { ...good.left, tokens: ['accessor'] } }],
  ['orphaned containers', { left: { ...good.left, containers: ['container'] } }],
  ['orphaned files of secrets', { left: { ...good.left, hostFiles: ['file'] } }],
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

test('finds a success where a failure was due, and a failure where a success was', () => {
  const expected = { kind: 'exit 3', state: 'failed', exitCode: 3, body: 'hello\n' } as const;
  const failed = { state: 'failed', reason: 'exit_code', exitCode: 1, events: ends('failed') };

  expect(broken({ accepted: [{ ...accepted('a', 0), expected }, accepted('b', 50)] })).toEqual([
    'wrong ends',
  ]);
  expect(broken({ ...withFirst(failed), engine: [] })).toEqual(['wrong ends']);
});

test('finds a job that is said not to have started, and ran', () => {
  const refused = { state: 'failed', reason: 'start_failed', exitCode: undefined, events: ends('failed') };

  expect(broken({ ...withFirst(refused), faults: [outage] })).toEqual(['wrong ends']);
  expect(broken({ ...withFirst(refused), faults: [outage], engine: [] })).toEqual([]);
});

test('finds a job that was canceled though nobody asked', () => {
  const canceled = { state: 'canceled', exitCode: undefined, events: ends('canceled') };

  expect(broken(withFirst(canceled))).toEqual(['wrong ends']);
});

test('forgives one token for each login that was cut off, and no other', () => {
  const cutOff = withFirst({
    state: 'lost',
    exitCode: undefined,
    output: '',
    events: ends('unwrapping', 'lost'),
  });
  const faults = [{ kind: 'kill', from: 0, to: 100, target: 'node A' }];
  const left = (tokens: string[]) => ({ ...cutOff, faults, engine: [], left: { ...good.left, tokens } });

  expect(broken(left(['one']))).not.toContain('leaked tokens');
  expect(broken(left(['one', 'two']))).toContain('leaked tokens');
});

test('believes an engine rather than what it says again of a container when it was restarted', () => {
  const again = { ...life('a', 0, 9_000)[1], exitCode: 255 } as EngineEvent;

  expect(broken({ engine: [...good.engine, again] })).not.toContain('codes that are not the engine’s');
});
