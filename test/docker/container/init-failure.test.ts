import { describe, expect, test } from 'vitest';
import { InitFailure } from '../../../src/docker/container/init-failure.js';

function failureOf(...texts: string[]): InitFailure {
  const failure = new InitFailure();
  for (const text of texts) failure.see({ stream: 'stderr', bytes: Buffer.from(text) });
  return failure;
}

describe('InitFailure', () => {
  test.each([
    [
      'a command that is not there',
      '[FATAL tini (7)] exec nope failed: No such file or directory\n',
      127,
      'command_not_found',
    ],
    [
      'one that may not be executed',
      '[FATAL tini (7)] exec /etc failed: Permission denied\n',
      126,
      'command_not_executable',
    ],
    [
      'one seen through a terminal',
      '[FATAL tini (7)] exec nope failed: No such file or directory\r\n',
      127,
      'command_not_found',
    ],
  ])('recognizes %s', (_, text, exitCode, code) => {
    expect(failureOf(text).toError(exitCode)).toMatchObject({ reason: 'start_failed', code, exitCode });
  });

  test('may arrive in pieces and contain any characters', () => {
    const text = '[FATAL tini (7)] exec grün\nx failed: No such file or directory\n';

    expect(failureOf(text.slice(0, 5), text.slice(5, 21), text.slice(21)).toError(127)?.message).toContain(
      JSON.stringify('grün\nx'),
    );
  });

  test.each([
    ['a job that ran and says so itself', 'sh: nope: not found\n', 127],
    ['a job that prints more', 'hello\n[FATAL tini (7)] exec x failed: y\n', 127],
    ['a job that prints nothing', '', 127],
    ['another code', '[FATAL tini (7)] exec x failed: y\n', 1],
    ['a job that prints without end', `[FATAL tini (7)] exec ${'x'.repeat(9_000)} failed: y\n`, 127],
  ])('is not seen in %s', (_, text, exitCode) => {
    expect(failureOf(text).toError(exitCode)).toBeUndefined();
  });
});
