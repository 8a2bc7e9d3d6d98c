import { describe, expect, test } from 'vitest';
import { type Outcome, verdictOf } from '../../src/job/outcome.js';

const ended = (
  over: object,
  stopped?: 'kill' | 'time_limit' | 'cpu_limit' | 'shutdown',
): Exclude<Outcome, { kind: 'postponed' }> => ({
  kind: 'ended',
  exit: { exitCode: 0, outOfMemory: false, proven: true, ...over },
  stopped,
  limitMs: 90_000,
});

describe('verdictOf', () => {
  test.each([
    ['exit code 0 is success', ended({}), 'succeeded', undefined],
    ['another code is a failure', ended({ exitCode: 7 }), 'failed', 'exit_code'],
    ['0 without an end time is not known', ended({ proven: false }), 'lost', undefined],
    ['137 by the memory limit', ended({ exitCode: 137, outOfMemory: true }), 'failed', 'out_of_memory'],
    [
      'a child killed for memory keeps the code',
      ended({ exitCode: 7, outOfMemory: true }),
      'failed',
      'exit_code',
    ],
    ['137 without that flag', ended({ exitCode: 137 }), 'failed', 'exit_code'],
    ['a kill counts even when the program ended with 0 on TERM', ended({}, 'kill'), 'canceled', undefined],
    ['a time limit', ended({ exitCode: 143 }, 'time_limit'), 'failed', 'timed_out'],
    ['a limit of CPU time', ended({ exitCode: 137 }, 'cpu_limit'), 'failed', 'timed_out'],
    ['a shutdown of the node', ended({ exitCode: 143 }, 'shutdown'), 'lost', undefined],
    ['a kill before the start', { kind: 'stopped', by: 'kill', limitMs: 0 } as const, 'canceled', undefined],
    ['an engine that was lost', { kind: 'vanished', message: 'gone' } as const, 'lost', undefined],
  ])('%s', (_, outcome, state, reason) => {
    const verdict = verdictOf(outcome);

    expect(verdict).toMatchObject({ state, reason });
  });

  test('keeps the exit code of a killed job', () => {
    expect(verdictOf(ended({ exitCode: 143 }, 'kill')).exitCode).toBe(143);
  });

  test.each([undefined, 'kill', 'time_limit'] as const)(
    'shows no exit code that is not proven, stopped: %s',
    (stopped) => {
      expect(verdictOf(ended({ proven: false }, stopped)).exitCode).toBeUndefined();
    },
  );

  test('says why an end is no evidence', () => {
    expect(verdictOf(ended({ proven: false, doubt: 'It was killed.' }))).toMatchObject({
      code: 'end_unproven',
      message: 'It was killed.',
    });
  });

  test('names the limit that was crossed', () => {
    expect(verdictOf(ended({ exitCode: 143 }, 'time_limit')).message).toContain('90 s');
  });
});
