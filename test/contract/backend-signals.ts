// The rules of the contract `Backend` about signals, and about what containers use.
import { expect, test } from 'vitest';
import type { Act } from '../support/fake-container.js';
import {
  type Bench,
  failureOf,
  lingering,
  prepare,
  readToExit,
  readUntil,
  startJob,
} from './backend-bench.js';

export function signalRules(bench: Bench): void {
  const started = async (acts: readonly Act[]) => {
    const container = await prepare(bench, acts);
    const running = await startJob(container);
    await readUntil(running.output, 'ready');
    return { container, running };
  };

  test('reaches the program, which may end because of it', async () => {
    const { container, running } = await started(lingering);
    await using _ = container;

    expect(await bench().backend.signal(container.id, 15)).toBe(true);

    expect(await running.wait()).toMatchObject({ exitCode: 143, proven: true });
  });

  test('is no end where the program ignores it, and SIGKILL always is one', async () => {
    const { container, running } = await started([{ print: 'ready' }, { linger: 'until_killed' }]);
    await using _ = container;

    expect(await bench().backend.signal(container.id, 15)).toBe(true);
    expect(await bench().backend.usage(container.id)).toBeDefined();
    expect(await bench().backend.signal(container.id, 9)).toBe(true);

    expect(await running.wait()).toMatchObject({ exitCode: 137, proven: true });
  });

  test('to a container that has ended, was not started, or is not there, is none; it uses nothing', async () => {
    await using ended = await prepare(bench, [{ exit: 3 }]);
    await readToExit(await startJob(ended));
    await using prepared = await prepare(bench, []);

    for (const id of [ended.id, prepared.id, 'nonesuch']) {
      expect(await bench().backend.signal(id, 15)).toBe(false);
      expect(await bench().backend.usage(id)).toBeUndefined();
    }
  });

  test('can be tried again later when the engine is unavailable, and so can the question what is used', async () => {
    for (const asked of [bench().unavailable.signal('c', 15), bench().unavailable.usage('c')])
      expect(await failureOf(asked)).toMatchObject({ code: 'engine_unavailable', retryable: true });
  });

  test('has a program to go to whose use of its node is known', async () => {
    const { container, running } = await started(lingering);
    await using _ = container;

    const usage = await bench().backend.usage(container.id);
    await running.stop(5_000);

    expect(usage?.osPid).toBeGreaterThan(0);
    expect(usage?.residentBytes).toBeGreaterThan(0);
    expect(usage?.virtualBytes).toBeGreaterThan(usage?.residentBytes ?? 0);
    expect(usage?.cpuTimeMs).toBeGreaterThan(0);
    expect(usage?.cpuPercent).toBeGreaterThanOrEqual(0);
    expect(usage?.memoryPercent).toBeGreaterThanOrEqual(0);
  });
}
