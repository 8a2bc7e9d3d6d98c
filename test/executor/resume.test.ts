import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jobMask } from '../../src/executor/follow.js';
import { partMask } from '../../src/executor/masking/mask-parts.js';
import { emptyOutput, OutputCollector, type OutputState } from '../../src/executor/output.js';
import { type ResumedRun, resume } from '../../src/executor/resume.js';
import type { OutputChunk } from '../../src/executor/run-recorder.js';
import { renderSecretsFile } from '../../src/executor/secrets/secrets-file.js';
import type { SecretValues } from '../../src/executor/secrets.js';
import { BrokenError, FencedError } from '../../src/job/errors.js';
import type { ContainerOptions } from '../../src/job/options/options.js';
import { Secret } from '../../src/job/secret.js';
import { containerRequest } from '../support/container-request.js';
import { benchJobId, ExecutorBench } from '../support/executor-bench.js';
import type { Act } from '../support/fake-container.js';

let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
});

afterEach(() => bench[Symbol.dispose]());

/** The stored chunks, as the database returns them. */
function stateOf(chunks: readonly OutputChunk[]): OutputState {
  const last = chunks.at(-1);
  if (last === undefined) return emptyOutput;
  const kept = chunks.map(({ seq, bytes }) => ({ seq, length: bytes.length }));
  return { seq: last.seq + 1, position: last.position + last.bytes.length, raw: last.raw, kept };
}

/**
 * A job runs in the first process of its node, which stores the output it has read and dies; the container runs on.
 * Returns the second process.
 */
async function afterCrash(acts: readonly Act[], seen = ''): Promise<ResumedRun> {
  bench.backend.runs(acts);
  const hooks = { beforeSpending: async () => {}, onToken: async () => {}, onRevoked: async () => {} };
  const token = await bench.secrets.session(bench.secrets.addWrap(), hooks).token();
  const values = new Map([
    ['TOKEN', token],
    ['PASS', new Secret('hunter2')],
  ]);
  const request = containerRequest({ jobId: benchJobId, fence: 7 });
  const container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(renderSecretsFile('yaml', values));
  await container.start();
  await see(seen, values);
  return newLife(stateOf(bench.chunks));
}

async function see(text: string, values: SecretValues): Promise<void> {
  const collector = new OutputCollector(async (chunk) => void bench.chunks.push(chunk), 1_000_000);
  const filter = partMask(await jobMask(values, bench.parts()));
  const bytes = Buffer.from(text);
  const masked = filter.push({ stream: 'stdout', bytes });
  await collector.push(masked, { taken: bytes.length, held: filter.held('stdout') });
  await collector.end();
}

function newLife(output: OutputState, options: ContainerOptions = {}): ResumedRun {
  const { recorder, stop } = bench.run();
  const tokenAccessor = bench.secrets.alive[0] ?? null;
  return {
    job: { id: benchJobId, queue: null, sharesLogin: false, containerFence: 7, tokenAccessor, options },
    recorder,
    stop,
    output,
  };
}

describe('Q9: a job whose node was restarted', () => {
  test('continues its output and ends with its own exit code; container and token are removed', async () => {
    const run = await afterCrash([{ print: 'one ' }, { print: 'two' }, { exit: 3 }], 'one ');

    const { outcome, output } = await resume(run, bench.parts());

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 3 }, stopped: undefined });
    expect(output).toEqual({ stdoutBytes: 7, stderrBytes: 0, flaw: undefined });
    expect(bench.printed).toBe('one two');
    expect(bench.backend.left).toEqual([]);
    expect(bench.secrets.alive).toEqual([]);
    expect(bench.backend.count('start')).toBe(1);
  });

  test('masks a secret that was printed across the restart', async () => {
    const run = await afterCrash([{ print: 'a hun' }, { print: 'ter2 b' }], 'a hun');

    await resume(run, bench.parts());

    expect(bench.printed).toBe('a [secret] b');
  });

  test('is stopped when a kill was requested during the restart', async () => {
    const run = await afterCrash([{ print: 'x' }, { linger: 'until_told' }], 'x');
    run.stop.request('kill');

    const { outcome } = await resume(run, bench.parts());

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 143 }, stopped: 'kill' });
    expect(bench.told.get('stopping')).toBe('kill');
  });

  test('is killed after its own grace, which was stored with it', async () => {
    const run = await afterCrash([{ print: 'x' }, { linger: 'until_killed' }], 'x');
    run.stop.request('kill');
    const impatient = { ...run.job, options: { stopGraceMs: 0 } };

    const { outcome } = await resume({ ...run, job: impatient }, bench.parts({ stopGraceMs: 3_600_000 }));

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 137 }, stopped: 'kill' });
  });

  test('is stopped when its time limit passed meanwhile', async () => {
    const run = await afterCrash([{ print: 'x' }, { linger: 'until_told' }], 'x');

    const { outcome } = await resume(run, bench.parts({ maxRunTimeMs: 0 }));

    expect(outcome).toMatchObject({ kind: 'ended', stopped: 'time_limit' });
  });

  test('is stopped when its own limits are reached: those that were stored with it', async () => {
    const run = await afterCrash([{ print: 'x' }, { linger: 'until_told' }], 'x');
    bench.backend.cpuTimeMs = 7_000;
    const limited = { ...run.job, options: { limits: { cpuTimeMs: 7_000 } } };

    const { outcome } = await resume({ ...run, job: limited }, bench.parts());

    expect(outcome).toMatchObject({ kind: 'ended', stopped: 'cpu_limit', limitMs: 7_000 });
  });

  test('is within its time limit when it had ended before the restart was over', async () => {
    const run = await afterCrash([{ print: 'x' }, { exit: 5 }], 'x');

    const { outcome } = await resume(run, bench.parts({ maxRunTimeMs: 0 }));

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 5 }, stopped: undefined });
  });
});

describe('Q9: a job that cannot be continued', () => {
  test('is lost when its container is gone; its token is revoked all the same', async () => {
    const run = await afterCrash([{ print: 'x' }, { linger: 'until_told' }], 'x');
    bench.backend.existing.clear();

    const { outcome, output } = await resume(run, bench.parts());

    expect(outcome).toMatchObject({
      kind: 'vanished',
      message: expect.stringContaining('container was gone'),
    });
    expect(output).toEqual({ stdoutBytes: 1, stderrBytes: 0, flaw: 'container_gone' });
    expect(bench.secrets.alive).toEqual([]);
  });

  test('is lost when the engine stays unavailable', async () => {
    const run = await afterCrash([{ print: 'x' }], 'x');
    bench.backend.fail('adopt', new BrokenError('engine_unavailable', 'It is unavailable.'));

    const { outcome, output } = await resume(run, bench.parts());

    expect(outcome).toEqual({ kind: 'vanished', message: 'It is unavailable.' });
    expect(output.flaw).toBe('output_engine_unavailable');
  });

  test('throws and has no outcome when the claim was lost', async () => {
    const run = await afterCrash([{ print: 'x' }, { print: 'y' }], 'x');
    bench.at('recorder.append', () => {
      throw new FencedError('Not ours.');
    });

    const resumed = resume(run, bench.parts());

    await expect(resumed).rejects.toThrow(FencedError);
  });
});

test('the output of a job without a secrets file goes on, since there is nothing to mask', async () => {
  bench.backend.runs([{ print: 'one ' }, { print: 'two' }, { exit: 3 }]);
  const claim = { jobId: benchJobId, fence: 7 };
  const request = containerRequest({ ...claim, secretsPath: undefined });
  const container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(undefined);
  await container.start();
  await see('one ', new Map());

  const { outcome, output } = await resume(newLife(stateOf(bench.chunks)), bench.parts());

  expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 3 } });
  expect(output.flaw).toBeUndefined();
  expect(bench.printed).toBe('one two');
});

describe('an output of which too little is known', () => {
  test.each([
    ['its secrets', 'secrets_unknown'],
    ['its place', 'position_unknown'],
  ])('is counted and not shown without %s, and says so', async (what, flaw) => {
    const run = await afterCrash([{ print: 'one ' }, { print: 'hunter2' }, { exit: 3 }], 'one ');
    bench.backend.hidesSecrets = what === 'its secrets';
    const known = what === 'its place' ? { ...run.output, raw: undefined } : run.output;

    const { outcome, output } = await resume({ ...run, output: known }, bench.parts());

    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 3 } });
    expect(output).toEqual({ stdoutBytes: 11, stderrBytes: 0, flaw });
    expect(bench.printed).toBe('one ');
    expect(bench.secrets.alive).toEqual([]);
  });

  test('has no flaw when nothing more came', async () => {
    const run = await afterCrash([{ print: 'one ' }, { exit: 3 }], 'one ');
    bench.backend.hidesSecrets = true;

    expect((await resume(run, bench.parts())).output).toEqual({
      stdoutBytes: 4,
      stderrBytes: 0,
      flaw: undefined,
    });
  });

  test('A3: its token is revoked once it prints a secret, where that is wanted, also what the one before it had read', async () => {
    const run = await afterCrash([{ print: 'it is hunter2' }, { print: ' on' }]);

    await resume(run, bench.parts({ revokesPrinted: true }));

    expect(bench.told.get('masked')).toEqual({ revokes: true });
    expect(bench.steps.indexOf('revoke')).toBeLessThan(bench.steps.lastIndexOf('dispose'));
  });

  test('is shown without known secrets when masking is off', async () => {
    const run = await afterCrash([{ print: 'one ' }, { print: 'two' }], 'one ');
    bench.backend.hidesSecrets = true;

    const { output } = await resume(run, bench.parts({ maskOutput: false }));

    expect(output.flaw).toBeUndefined();
    expect(bench.printed).toBe('one two');
  });
});
