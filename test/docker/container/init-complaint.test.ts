import { describe, expect, test } from 'vitest';
import { InitComplaint } from '../../../src/docker/container/init-complaint.js';

function complaintOf(...texts: string[]): InitComplaint {
  const complaint = new InitComplaint();
  for (const text of texts) complaint.see({ stream: 'stderr', bytes: Buffer.from(text) });
  return complaint;
}

describe('InitComplaint', () => {
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
  ])('knows %s', (_, text, exitCode, code) => {
    expect(complaintOf(text).toError(exitCode)).toMatchObject({ reason: 'start_failed', code, exitCode });
  });

  test('may come in pieces and name any letters', () => {
    const text = '[FATAL tini (7)] exec grün\nx failed: No such file or directory\n';

    expect(complaintOf(text.slice(0, 5), text.slice(5, 21), text.slice(21)).toError(127)?.message).toContain(
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
    expect(complaintOf(text).toError(exitCode)).toBeUndefined();
  });
});
