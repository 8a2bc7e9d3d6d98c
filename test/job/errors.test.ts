import { describe, expect, test } from 'vitest';
import { BrokenError, FencedError, JobFailedError, RefusedError } from '../../src/job/errors.js';

describe('our errors', () => {
  test('a refusal has a code and a sentence', () => {
    expect(new RefusedError('not_found', 'There is no such job.')).toMatchObject({
      name: 'RefusedError',
      code: 'not_found',
      message: 'There is no such job.',
    });
  });

  test('a breakdown may be tried again unless it says otherwise', () => {
    expect(new BrokenError('vault_unavailable', 'gone').retryable).toBe(true);
    expect(new BrokenError('internal', 'gone', { retryable: false }).retryable).toBe(false);
  });

  test('a failure of a job has a reason, and neither an alarm nor an exit code unless they are given', () => {
    expect(new JobFailedError('start_failed', 'command_missing', 'No.')).toMatchObject({
      reason: 'start_failed',
      code: 'command_missing',
      alarm: false,
      exitCode: undefined,
    });
    expect(
      new JobFailedError('auth_refused', 'wrap_used', 'No.', { alarm: true, exitCode: 126 }),
    ).toMatchObject({ alarm: true, exitCode: 126 });
  });

  test.each([
    (cause: Error) => new RefusedError('conflict', 'No.', { cause }),
    (cause: Error) => new BrokenError('internal', 'No.', { cause }),
    (cause: Error) => new JobFailedError('internal', 'x', 'No.', { cause }),
    (cause: Error) => new FencedError('No.', { cause }),
  ])('each keeps its cause and a name of its own (%#)', (make) => {
    const cause = new Error('deep');
    const error = make(cause);

    expect(error.cause).toBe(cause);
    expect(error.name).toBe(error.constructor.name);
    expect(error).toBeInstanceOf(Error);
  });
});
