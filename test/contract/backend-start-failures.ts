// The part of the backend's contract about commands that are there and cannot be started.
import { expect, test } from 'vitest';
import type { ContainerRequest } from '../../src/executor/backend.js';
import { JobFailedError } from '../../src/job/errors.js';
import type { Act } from '../support/fake-container.js';

type FailToStart = (act: Act, more?: Partial<ContainerRequest>) => Promise<unknown>;

/** More than any engine has. */
const tooManyGpus = 1024;

/** `failToStart` runs a job with this act and resolves to its failure. */
export function startFailureRules(failToStart: FailToStart): void {
  test('of a job that asks for GPUs which the engine does not have is not started, and says so', async () => {
    const error = await failToStart({ exit: 0 }, { options: { gpus: tooManyGpus } });

    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ reason: 'start_failed', code: 'gpu_unavailable' });
    expect((error as Error).message).toMatch(/^Could not start the container: .*GPU/);
  });

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
