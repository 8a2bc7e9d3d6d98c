// The part of the backend's contract about commands that are there and cannot be started.
import { expect, test } from 'vitest';
import type { Act } from '../support/fake-container.js';

/** `failToStart` runs a job with this act and resolves to its failure. */
export function startFailureRules(failToStart: (act: Act) => Promise<unknown>): void {
  test.each([
    ['capabilities', 'command_not_executable', 126, /file capabilities/],
    ['link_loop', 'command_not_executable', 126, /links round in a circle/],
    ['interpreter', 'command_not_found', 127, /interpreter "\/opt\/nonesuch"/],
    ['windows_line_ends', 'command_not_found', 127, /Windows/],
  ] as const)('that cannot be started for its %s fails for that', async (name, code, exitCode, words) => {
    const error = await failToStart({ unstartable: name });

    expect(error).toMatchObject({ reason: 'start_failed', code, exitCode });
    expect((error as Error).message).toMatch(words);
    expect((error as Error).message).toContain(`"/opt/${name}"`);
  });
}
