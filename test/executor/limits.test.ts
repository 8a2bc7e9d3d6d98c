import { describe, expect, test, vi } from 'vitest';
import { limitBehind, timeLimits, watchCpuTime } from '../../src/executor/limits.js';
import { Stop } from '../../src/executor/stop.js';

describe('timeLimits', () => {
  test('takes the shorter run time of job and operator', () => {
    const server = { maxRunTimeMs: 5_000 };

    expect(timeLimits({}, server)).toEqual({ runTimeMs: 5_000, cpuTimeMs: undefined });
    expect(timeLimits({ limits: { runTimeMs: 1_000, cpuTimeMs: 9_000 } }, server)).toEqual({
      runTimeMs: 1_000,
      cpuTimeMs: 9_000,
    });
    expect(timeLimits({ limits: { runTimeMs: 6_000 } }, server).runTimeMs).toBe(5_000);
  });

  test('tells which of them a stop carries out', () => {
    const limits = { runTimeMs: 5_000, cpuTimeMs: 9_000 };

    expect([limitBehind('time_limit', limits), limitBehind('cpu_limit', limits)]).toEqual([5_000, 9_000]);
  });
});

describe('watchCpuTime', () => {
  test('requests a stop once the limit is reached, whatever the engine fails to tell before', async () => {
    using stop = new Stop();
    const answers = [undefined, new Error('away'), 99, 100];
    const cpuTimeMs = async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };

    using watch = watchCpuTime({ cpuTimeMs }, 100, stop);

    await vi.waitFor(() => expect(stop.reason).toBe('cpu_limit'), { timeout: 30_000 });
    expect(answers).toEqual([]);
    expect(watch).toBeDefined();
  });

  test('asks nothing without a limit', () => {
    const cpuTimeMs = vi.fn<() => Promise<number>>(async () => 1);

    using watch = watchCpuTime({ cpuTimeMs }, undefined, new Stop());

    expect(watch).toBeDefined();
    expect(cpuTimeMs).not.toHaveBeenCalled();
  });

  test('requests nothing once it is over', async () => {
    using stop = new Stop();
    let answer: ((ms: number) => void) | undefined;
    const cpuTimeMs = () => new Promise<number>((resolve) => (answer = resolve));
    const watch = watchCpuTime({ cpuTimeMs }, 1, stop);

    watch[Symbol.dispose]();
    answer?.(100);
    await Promise.resolve();

    expect(stop.reason).toBeUndefined();
  });
});
