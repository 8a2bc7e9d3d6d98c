// Sentences for a command that could not be started.
import { describe, expect, test } from 'vitest';
import {
  commandNotFound,
  findSystemText,
  startError,
  startErrorUnseen,
} from '../../../src/docker/program/start-errors.js';

describe('a start that failed', () => {
  test.each([
    ['No such file or directory', 'command_not_found', 127, 'no such program on its PATH'],
    ['Permission denied', 'command_not_executable', 126, 'Check its mode'],
    ['Operation not permitted', 'command_not_executable', 126, 'file capabilities'],
    ['Text file busy', 'command_not_executable', 126, 'open for writing'],
    ['Too many levels of symbolic links', 'command_not_executable', 126, 'circle'],
    ['Not a directory', 'command_not_executable', 126, 'no directory'],
    ['Argument list too long', 'arguments_too_long', 126, 'too long for the kernel'],
    ['exec format error', 'command_not_executable', 126, 'processor'],
    ['Resource temporarily unavailable', 'start_refused', 126, 'STINT_JOB_PIDS'],
    ['Input/output error', 'command_not_executable', 126, 'the system says "Input/output error"'],
  ])('for "%s" has the code %s', (text, code, exitCode, words) => {
    const error = startError('tool', text);

    expect(error).toMatchObject({ reason: 'start_failed', code, exitCode });
    expect(error.message).toContain('"tool"');
    expect(error.message).toContain(words);
  });

  test('names what a program lacks that is there', () => {
    expect(commandNotFound('/x', 'it lacks y').message).toBe(
      'Could not start the command "/x": it is there, but it lacks y.',
    );
    expect(commandNotFound('/x').message).toContain('the image has no such program. Check');
    expect(commandNotFound(undefined).message).toContain("the image's command");
  });

  test('names all that may be missing where nobody can look', () => {
    const { message } = startErrorUnseen({ command: '/x', reason: 'No such file or directory' });

    expect(message).toMatch(/no such program.*interpreter.*Windows line ends.*loader/);
    expect(startErrorUnseen({ command: '/x', reason: 'Text file busy' }).message).toContain('writing');
  });

  test("is found in an engine's words", () => {
    expect(findSystemText('exec: "/a": stat /a: too many levels of symbolic links: unknown')).toBe(
      'too many levels of symbolic links',
    );
    expect(findSystemText('no room')).toBeUndefined();
  });
});
