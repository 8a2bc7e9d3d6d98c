import { describe, expect, test } from 'vitest';
import { outcomeOfError } from '../../src/executor/outcome-of-error.js';
import { StoppedError } from '../../src/executor/stop.js';
import { BrokenError, FencedError, JobFailedError } from '../../src/job/errors.js';
import { benchJobId, ExecutorBench } from '../support/executor-bench.js';

function outcomeOf(error: unknown) {
  using bench = new ExecutorBench();
  const outcome = outcomeOfError(error, bench.run(), bench.parts({ maxRunTimeMs: 5 }));
  return { outcome, bugs: bench.bugs };
}

describe('an error that was thrown before the end of a job', () => {
  test.each<[string, unknown, object]>([
    [
      'a failure of the job keeps its words',
      new JobFailedError('start_failed', 'command_not_found', 'No.', { exitCode: 127 }),
      { kind: 'failed', reason: 'start_failed', code: 'command_not_found', message: 'No.', exitCode: 127 },
    ],
    [
      'an unavailable part postpones it',
      new BrokenError('vault_unavailable', 'Away.'),
      { kind: 'postponed', code: 'vault_unavailable', message: 'Away.' },
    ],
    [
      'a part that is unavailable for good fails it',
      new BrokenError('vault_unavailable', 'Away.', { retryable: false }),
      { kind: 'failed', reason: 'infrastructure', code: 'vault_unavailable', message: 'Away.' },
    ],
    ['a kill stops it', new StoppedError('kill'), { kind: 'stopped', by: 'kill', limitMs: 5 }],
    [
      'a time limit stops it',
      new StoppedError('time_limit'),
      { kind: 'stopped', by: 'time_limit', limitMs: 5 },
    ],
    ['a shutdown puts it off', new StoppedError('shutdown'), { kind: 'postponed', code: 'shutdown' }],
  ])('%s', (_, error, expected) => {
    const { outcome, bugs } = outcomeOf(error);

    expect(outcome).toMatchObject(expected);
    expect(bugs).toEqual([]);
  });

  test.each([new Error('hunter2'), 'hunter2', undefined])(
    '%s is a bug that the owner need not read',
    (bug) => {
      const { outcome, bugs } = outcomeOf(bug);

      expect(outcome).toMatchObject({ kind: 'failed', reason: 'internal', code: 'internal' });
      expect(JSON.stringify(outcome)).not.toContain('hunter2');
      expect(bugs).toEqual([bug]);
    },
  );

  test('a lost claim is thrown again', () => {
    expect(() => outcomeOf(new FencedError('Not ours.'))).toThrow(FencedError);
  });

  test('a bug is reported with the id of its job', () => {
    using bench = new ExecutorBench();
    const reported: unknown[] = [];
    const parts = {
      ...bench.parts(),
      onBug: (error: unknown, jobId: string) => reported.push([error, jobId]),
    };

    outcomeOfError('bug', bench.run(), parts);

    expect(reported).toEqual([['bug', benchJobId]]);
  });
});
