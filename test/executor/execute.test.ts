import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { execute } from '../../src/executor/execute.js';
import type { Execution, OpenedRequest } from '../../src/executor/run.js';
import { StoppedError } from '../../src/executor/stop.js';
import { BrokenError, FencedError, JobFailedError } from '../../src/job/errors.js';
import { verdictOf } from '../../src/job/outcome.js';
import { tarGzOf } from '../support/archives.js';
import { benchJobId, ExecutorBench } from '../support/executor-bench.js';

let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
  bench.secrets.setSecret('kv/app', { data: { key: 'hunter2-secret' } });
});

afterEach(() => {
  bench[Symbol.dispose]();
});

const clear = { image: 'busybox', secretRefs: ['PASS@kv/app.key'] };

const encrypted = (fields: object = clear): Partial<OpenedRequest> => ({
  ciphertext: bench.secrets.encrypt(JSON.stringify(fields)),
});

function run(request: Partial<OpenedRequest> = { fields: clear }, options = {}): Promise<Execution> {
  return execute(bench.run(request), bench.parts(options));
}

/** Nothing is left behind, whatever happened: no container and no token. */
function expectNothingLeft(): void {
  expect(bench.backend.left).toEqual([]);
  expect(bench.secrets.alive).toEqual([]);
}

const stepsOf = (...groups: readonly string[]) => groups.flatMap((group) => group.split(' '));
const opening = 'lookUp recorder.spending unwrap login recorder.tokenTaken';
const ending = 'dispose revoke recorder.tokenRevoked';

describe('the recipe', () => {
  test('of a request in the clear: all that needs no credentials comes before the unwrap', async () => {
    const content = (await tarGzOf([{ name: 'a.txt' }])).toString('base64');
    const { outcome } = await run({ fields: { ...clear, content } });

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 0 }, stopped: undefined });
    expect(bench.steps).toEqual(
      stepsOf(
        'open lookUp checkContent prepare recorder.prepared',
        opening,
        'read recorder.secretsRead deliver recorder.running start',
        ending,
      ),
    );
  });

  test('of an encrypted payload: it is opened first, since it says what to prepare', async () => {
    await run(encrypted());

    expect(bench.steps).toEqual(
      stepsOf(
        'open lookUp',
        opening,
        'decrypt prepare recorder.prepared',
        'read recorder.secretsRead deliver recorder.running start',
        ending,
      ),
    );
  });

  test('records what was prepared, and the accessor with which any node can revoke the token', async () => {
    await run({ fields: { ...clear, tty: true } });

    expect(bench.told.get('prepared')).toEqual({
      image: 'busybox',
      tty: true,
      imageId: expect.stringContaining('sha256:'),
      imageDigest: undefined,
      containerId: expect.stringContaining(benchJobId),
    });
    expect(bench.told.get('tokenTaken')).toMatch(/^accessor\./);
  });

  test('copies the output, masked, and counts it', async () => {
    bench.backend.runs([{ print: 'it is hunter2-' }, { print: 'oops', on: 'stderr' }, { print: 'secret!' }]);

    const { output } = await run();

    expect(bench.printed).toBe('it is oops[secret]!');
    expect(bench.found).toEqual([expect.objectContaining({ name: 'PASS' })]);
    expect(output).toEqual({ stdoutBytes: 21, stderrBytes: 4, flaw: undefined });
  });

  test('delivers the secrets with the token, and masks both when the job prints the file', async () => {
    bench.backend.runs([{ show: 'secrets' }]);

    await run();

    const file = bench.backend.delivered.get(benchJobId);
    expect(file).toMatch(
      /^---\n# gostint vault secrets injected:\nPASS: hunter2-secret\nTOKEN: token\.\w+\n$/,
    );
    expect(bench.printed).toBe('---\n# gostint vault secrets injected:\nPASS: [secret]\nTOKEN: [secret]\n');
  });

  test('leaves the output as it is when masking is switched off', async () => {
    bench.backend.runs([{ print: 'hunter2-secret' }]);

    await run({ fields: clear }, { maskOutput: false });

    expect(bench.printed).toBe('hunter2-secret');
    expect(bench.found).toEqual([]);
  });
});

describe('A3: where a printed secret is to become worthless', () => {
  const printing = [{ print: 'it is hunter2-secret' }, { print: ', hunter2-secret' }];

  test('the token is revoked before the output is stored, the job goes on, and nothing is revoked twice', async () => {
    bench.backend.runs(printing);
    const storedBefore: string[] = [];
    bench.at('recorder.tokenRevoked', () => storedBefore.push(bench.printed));

    const { outcome } = await run({ fields: clear }, { revokesPrinted: true });

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 0 }, stopped: undefined });
    expect(bench.steps.slice(-5)).toEqual(
      stepsOf('start recorder.masked revoke recorder.tokenRevoked dispose'),
    );
    expect(storedBefore).toEqual(['']);
    expect(bench.told.get('masked')).toEqual({ revokes: true });
    expect(bench.printed).toBe('it is [secret], [secret]');
  });

  test('nothing is revoked before the end of a job that prints none', async () => {
    bench.backend.runs([{ print: 'it is no secret' }]);

    await run({ fields: clear }, { revokesPrinted: true });

    expect(bench.steps.slice(-3)).toEqual(stepsOf(ending));
  });

  test('a login that others share stays: it ends with their parent', async () => {
    bench.backend.runs(printing);
    const job = { ...bench.run({ fields: clear, sharesLogin: true }) };

    await execute(job, bench.parts({ revokesPrinted: true }));

    expect(bench.told.get('masked')).toEqual({ revokes: false });
    expect(bench.secrets.alive).toHaveLength(1);
  });
});

test.each([
  [true, ['PORT', 'FLAG']],
  [false, []],
])(
  'A3: where masking is wanted (%s), tells by name which values are too short for it: %j',
  async (maskOutput, names) => {
    bench.secrets.setSecret('kv/short', {
      data: { port: '5432', flag: ' true ', none: '', six: '123456' },
    });
    const secretRefs = ['PORT@kv/short.port', 'FLAG@kv/short.flag', 'NONE@kv/short.none', 'SIX@kv/short.six'];

    await run({ fields: { ...clear, secretRefs } }, { maskOutput });

    expect(bench.told.get('running')).toEqual(names);
  },
);

const failed = (reason: string, code: string) => ({ kind: 'failed', reason, code });
const refusal = new JobFailedError('content_refused', 'path_outside', 'It leads out.');
const broken = new BrokenError('engine_unavailable', 'Could not reach the engine.');
const unavailable = new BrokenError('engine_unavailable', 'No.', { retryable: false });
const postponed = (code: string) => ({ kind: 'postponed', code });

function throwAt(step: string, error: Error): void {
  bench.at(step, () => {
    throw error;
  });
}

/** The step at which it happens, what happens, and what becomes of the job. */
const breakages: readonly [string, () => void, object][] = [
  ['open', () => throwAt('open', refusal), failed('content_refused', 'path_outside')],
  ['lookUp', () => bench.secrets.fail('lookUp', 'sealed'), postponed('vault_unavailable')],
  ['prepare', () => bench.backend.fail('prepare', refusal), failed('content_refused', 'path_outside')],
  ['prepare', () => bench.backend.fail('prepare', broken), postponed('engine_unavailable')],
  [
    'prepare',
    () => bench.backend.fail('prepare', unavailable),
    failed('infrastructure', 'engine_unavailable'),
  ],
  ['prepare', () => bench.backend.fail('prepare', new Error('bug')), failed('internal', 'internal')],
  ['recorder.prepared', () => throwAt('recorder.prepared', broken), postponed('engine_unavailable')],
  ['recorder.spending', () => throwAt('recorder.spending', new StoppedError('kill')), { kind: 'stopped' }],
  ['unwrap', () => bench.secrets.fail('unwrap', 'reply_lost'), failed('infrastructure', 'vault_reply_lost')],
  ['login', () => bench.secrets.fail('login', 'sealed'), failed('infrastructure', 'vault_unavailable')],
  [
    'recorder.tokenTaken',
    () => throwAt('recorder.tokenTaken', new Error('bug')),
    failed('internal', 'internal'),
  ],
  ['read', () => bench.secrets.setSecret('kv/app', 'denied'), failed('secrets_refused', 'permission_denied')],
  [
    'deliver',
    () => bench.backend.fail('deliver', unavailable),
    failed('infrastructure', 'engine_unavailable'),
  ],
  [
    'recorder.running',
    () => throwAt('recorder.running', new StoppedError('kill')),
    { kind: 'stopped', by: 'kill' },
  ],
  ['start', () => bench.backend.fail('start', refusal), failed('content_refused', 'path_outside')],
  ['start', () => bench.backend.fail('start', broken), { kind: 'vanished', message: broken.message }],
  ['start', () => bench.backend.runs([{ missing: '/no' }]), failed('start_failed', 'command_not_found')],
  ['start', () => bench.backend.runs([{ vanish: true }]), { kind: 'vanished' }],
  ['start', () => bench.backend.fail('wait', new Error('bug')), failed('internal', 'internal')],
];

describe('a step that fails', () => {
  test.each(breakages)(
    '%s, case %#, has its outcome, is the last one and leaves nothing behind',
    async (last, break_, expected) => {
      break_();

      const { outcome } = await run();

      expect(outcome).toMatchObject(expected);
      expect(bench.steps.filter((step) => !stepsOf(ending).includes(step)).at(-1)).toBe(last);
      expectNothingLeft();
    },
  );

  test('spends nothing when it comes before the unwrap', async () => {
    bench.backend.fail('prepare', refusal);

    await run();

    expect(bench.secrets.count('unwrap')).toBe(0);
    expect(bench.told.has('spending')).toBe(false);
  });

  test('for an unexpected reason is a bug, reported to `onBug` but not to the owner', async () => {
    const bug = new Error('hunter2');
    bench.backend.fail('prepare', bug);

    const { outcome } = await run();

    expect(bench.bugs).toEqual([bug]);
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });

  test('after the output began keeps what was printed, and counts it', async () => {
    bench.backend.runs([{ print: 'sh: /no: not found\n' }, { missing: '/no' }]);

    const { outcome, output } = await run();

    expect(outcome).toMatchObject({ kind: 'failed', exitCode: 127 });
    expect(bench.printed).toBe('sh: /no: not found\n');
    expect(output).toEqual({ stdoutBytes: 19, stderrBytes: 0, flaw: undefined });
  });

  test('a lost claim has no outcome: it throws, and leaves nothing behind', async () => {
    for (const step of [
      'recorder.prepared',
      'recorder.spending',
      'recorder.tokenTaken',
      'recorder.running',
    ]) {
      bench[Symbol.dispose]();
      bench = new ExecutorBench();
      bench.secrets.setSecret('kv/app', { data: { key: 'hunter2-secret' } });
      throwAt(step, new FencedError('Not ours.'));

      await expect(run()).rejects.toThrow(FencedError);
      expectNothingLeft();
    }
  });

  test('a token that cannot be revoked changes no outcome, and is not recorded as revoked', async () => {
    bench.secrets.fail('revoke', 'sealed');

    expect((await run()).outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 0 } });
    expect(bench.told.has('tokenRevoked')).toBe(false);
  });
});

describe('a kill', () => {
  test.each(['open', 'prepare', 'recorder.prepared', 'recorder.spending', 'recorder.tokenTaken', 'deliver'])(
    'during %s ends the job before anything of it ran',
    async (step) => {
      bench.at(step, () => bench.stop.request('kill'));

      const { outcome, output } = await run();

      expect(outcome).toEqual({ kind: 'stopped', by: 'kill', limitMs: 3_600_000 });
      expect(output).toEqual({ stdoutBytes: 0, stderrBytes: 0, flaw: undefined });
      expect(bench.steps).not.toContain('start');
      expectNothingLeft();
    },
  );

  test.each(['open', 'prepare', 'recorder.prepared'])('during %s spends no credentials', async (step) => {
    bench.at(step, () => bench.stop.request('kill'));

    await run();

    expect(bench.secrets.count('unwrap')).toBe(0);
  });

  test('while an encrypted payload is read revokes the token', async () => {
    bench.at('recorder.tokenTaken', () => bench.stop.request('kill'));

    const { outcome } = await run(encrypted());

    expect(outcome).toMatchObject({ kind: 'stopped', by: 'kill' });
    expect(bench.steps).not.toContain('prepare');
    expectNothingLeft();
  });

  test.each(['recorder.running', 'start'])(
    'during %s stops the container as soon as it runs',
    async (step) => {
      bench.backend.runs([{ linger: 'until_told' }]);
      bench.at(step, () => bench.stop.request('kill'));

      const { outcome } = await run();

      expect(outcome).toMatchObject({ kind: 'ended', stopped: 'kill', exit: { exitCode: 143 } });
      expectNothingLeft();
    },
  );

  test('of a running job is recorded, then carried out', async () => {
    bench.backend.runs([{ print: 'hello' }, { linger: 'until_told' }, { print: 'never' }]);
    bench.at('recorder.append', () => bench.stop.request('kill'));

    const { outcome } = await run();

    expect(bench.steps.slice(-5)).toEqual(stepsOf('recorder.stopping stop', ending));
    expect(bench.told.get('stopping')).toBe('kill');
    expect(outcome).toMatchObject({ kind: 'ended', stopped: 'kill', exit: { exitCode: 143 } });
    expect(bench.printed).toBe('hello');
  });

  test('of a job that ignores the stop is carried out by force after the grace time', async () => {
    bench.backend.runs([{ print: 'hello' }, { linger: 'until_killed' }]);
    bench.at('recorder.append', () => bench.stop.request('kill'));

    expect((await run()).outcome).toMatchObject({ stopped: 'kill', exit: { exitCode: 137 } });
  });
});

describe('other ends', () => {
  test('the time limit stops the job, and the verdict names it', async () => {
    bench.backend.runs([{ linger: 'until_told' }]);

    const { outcome } = await run({ fields: clear }, { maxRunTimeMs: 20 });

    expect(outcome).toMatchObject({ kind: 'ended', stopped: 'time_limit', limitMs: 20 });
    expect(outcome.kind === 'postponed' ? undefined : verdictOf(outcome).reason).toBe('timed_out');
    expectNothingLeft();
  });

  test('the time limit does not run while the job is being prepared', async () => {
    const hold = bench.backend.hold('prepare');
    const running = run({ fields: clear }, { maxRunTimeMs: 200 });
    await hold.reached;
    const held = performance.now();
    await expect.poll(() => performance.now() - held, { timeout: 2000 }).toBeGreaterThan(300);
    hold.release();

    expect((await running).outcome).toMatchObject({ kind: 'ended', stopped: undefined });
  });

  test('a shutdown before the start postpones the job', async () => {
    bench.at('prepare', () => bench.stop.request('shutdown'));

    expect((await run()).outcome).toMatchObject({ kind: 'postponed', code: 'shutdown' });
    expect(bench.secrets.count('unwrap')).toBe(0);
    expectNothingLeft();
  });

  test('an exit code is returned unchanged', async () => {
    bench.backend.runs([{ exit: 7, outOfMemory: true, proven: false }]);

    expect((await run()).outcome).toMatchObject({ exit: { exitCode: 7, outOfMemory: true, proven: false } });
  });
});
