import { describe, expect, test } from 'vitest';
import { InitFailure } from '../../../src/docker/container/init-failure.js';

function failureOf(...texts: string[]): InitFailure {
  const failure = new InitFailure('tool');
  for (const text of texts) failure.see({ stream: 'stderr', bytes: Buffer.from(text) });
  return failure;
}

describe('InitFailure', () => {
  test.each([
    ['tini', '[FATAL tini (7)] exec nope failed: No such file or directory\n', 127, 'nope'],
    [
      'tini, of one that may not be executed',
      '[FATAL tini (7)] exec /etc failed: Permission denied\n',
      126,
      '/etc',
    ],
    ['tini, of any other trouble', '[FATAL tini (7)] exec /x failed: Operation not permitted\n', 1, '/x'],
    [
      'tini through a terminal',
      '[FATAL tini (7)] exec nope failed: No such file or directory\r\n',
      127,
      'nope',
    ],
    ['dumb-init', '[dumb-init] nope: No such file or directory\n', 2, 'nope'],
    ['runc', 'exec /opt/tool: operation not permitted\n', 1, '/opt/tool'],
    ['a later runc', 'exec /opt/tool: exec format error\n', 255, '/opt/tool'],
    ['runc through a terminal', 'exec /opt/tool: exec format error\r\n', 1, '/opt/tool'],
  ])('recognizes %s', (_, text, exitCode, command) => {
    expect(failureOf(text).read(exitCode)).toMatchObject({ command });
  });

  test.each([
    ['catatonit', 'ERROR (catatonit:7): failed to exec pid1: No such file or directory\n'],
    ['runc of the init process', 'exec /sbin/docker-init: argument list too long\n'],
    ['an older runc', 'standard_init_linux.go:228: exec user process caused: exec format error\n'],
    ['tini without room for a process', '[FATAL tini (1)] fork failed: Resource temporarily unavailable\n'],
  ])('takes %s, which does not name the command, to speak of what was to be started', (_, text) => {
    expect(failureOf(text).read(1)).toMatchObject({ command: 'tool' });
  });

  test('may arrive in pieces and contain any characters', () => {
    const text = '[FATAL tini (7)] exec grün\nx failed: No such file or directory\n';

    expect(failureOf(text.slice(0, 5), text.slice(5, 21), text.slice(21)).read(127)).toEqual({
      command: 'grün\nx',
      reason: 'No such file or directory',
    });
  });

  test.each([
    ['a job that ran and says so itself', 'sh: nope: not found\n', 127],
    ['a job that prints more', 'hello\n[FATAL tini (7)] exec x failed: y\n', 127],
    ['a job that goes on printing', 'exec /opt/tool: operation not permitted\nbye\n', 1],
    ['a job that prints nothing', '', 127],
    ['another code', '[FATAL tini (7)] exec x failed: y\n', 3],
    ['a job that prints without end', `[FATAL tini (7)] exec ${'x'.repeat(9_000)} failed: y\n`, 127],
    ['a program that speaks of another one', 'exec /opt/other: operation not permitted\n', 1],
    ['a program that has other words', 'exec /opt/tool: it failed\n', 1],
  ])('is not seen in %s', (_, text, exitCode) => {
    expect(failureOf(text).read(exitCode)).toBeUndefined();
  });

  test('waits for more only where a message may come', () => {
    expect(failureOf().isPossible(1)).toBe(true);
    expect(failureOf('[FATAL').isPossible(126)).toBe(true);
    expect(failureOf('hello\n').isPossible(127)).toBe(false);
    expect(failureOf().isPossible(3)).toBe(false);
  });
});
