import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { OutputPart, PreparedContainer, RunningContainer } from '../../src/executor/backend.js';
import { runToEnd } from '../../src/executor/follow.js';
import { BrokenError, FencedError } from '../../src/job/errors.js';
import type { ContainerOptions } from '../../src/job/options/options.js';
import type { Exit } from '../../src/job/outcome.js';
import { ExecutorBench } from '../support/executor-bench.js';
import { fired } from '../support/fake-container.js';

let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
});

afterEach(() => {
  bench[Symbol.dispose]();
  vi.useRealTimers();
});

const exit: Exit = { exitCode: 0, outOfMemory: false, proven: true };

async function* printing(...parts: readonly string[]): AsyncGenerator<OutputPart> {
  for (const text of parts) yield { stream: 'stdout', bytes: Buffer.from(text) };
}

async function* breaking(error: Error): AsyncGenerator<OutputPart> {
  yield* printing('begun');
  throw error;
}

async function* neverEnding(): AsyncGenerator<OutputPart> {
  yield* printing('begun');
  await new Promise(() => undefined);
}

/** A container that ends when it is stopped, or by itself. */
function containerOf(given: Partial<RunningContainer>): PreparedContainer {
  const running = {
    output: printing(),
    wait: async () => exit,
    ports: async () => [],
    write: async () => undefined,
    pipes: [],
    cpuTimeMs: async () => undefined,
    stop: async () => undefined,
    ...given,
  };
  return {
    id: 'c',
    imageId: 'i',
    imageDigest: undefined,
    imageMetadata: undefined,
    deliver: async () => undefined,
    start: async () => running,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const follow = (given: Partial<RunningContainer>, options = {}, asked: ContainerOptions = {}) =>
  runToEnd(bench.run(), {
    container: containerOf(given),
    secrets: new Map(),
    login: undefined,
    options: asked,
    parts: bench.parts(options),
  });

describe('the output of a job that ran', () => {
  test('is complete when all was stored', async () => {
    const { output } = await follow({ output: printing('a', 'bc') });

    expect(output).toEqual({ stdoutBytes: 3, stderrBytes: 0, flaw: undefined });
    expect(bench.printed).toBe('abc');
  });

  test.each([
    [new BrokenError('engine_unavailable', 'No.'), 'output_engine_unavailable'],
    [new Error('a bug'), 'output_broken'],
  ])('has a flaw when its line broke (%s), and what came before is kept', async (error, flaw) => {
    const { outcome, output } = await follow({ output: breaking(error) });

    expect(outcome).toMatchObject({ kind: 'ended', exit });
    expect(output).toEqual({ stdoutBytes: 5, stderrBytes: 0, flaw });
    await vi.waitFor(() => expect(bench.printed).toBe('begun'));
  });

  test('has a flaw when it could not be stored; the job is not to blame', async () => {
    bench.at('recorder.append', () => {
      throw new BrokenError('internal', 'No.');
    });

    const { outcome, output } = await follow({ output: printing('a') });

    expect(outcome).toMatchObject({ kind: 'ended', stopped: undefined });
    expect(output.flaw).toBe('output_internal');
  });

  test('is waited for as long as it is being stored, however long Postgres is away', async () => {
    const postgres = new EventEmitter();
    bench.at('recorder.append', () => once(postgres, 'back'));
    vi.useFakeTimers();
    const following = follow({ output: printing('a') });
    await vi.advanceTimersByTimeAsync(100_000);
    const early = await Promise.race([following, Promise.resolve('waits')]);
    postgres.emit('back');
    await vi.advanceTimersByTimeAsync(100);

    expect(early).toBe('waits');
    expect((await following).output).toEqual({ stdoutBytes: 1, stderrBytes: 0, flaw: undefined });
  });

  test('is not waited for forever', async () => {
    vi.useFakeTimers();
    const following = follow({ output: neverEnding() });
    await vi.advanceTimersByTimeAsync(29_000);
    const early = await Promise.race([following, Promise.resolve('waits')]);
    await vi.advanceTimersByTimeAsync(2_000);

    expect(early).toBe('waits');
    expect((await following).output).toEqual({ stdoutBytes: 5, stderrBytes: 0, flaw: 'output_not_drained' });
  });
});

/** A container that runs until it is stopped. */
function lingering(): Pick<RunningContainer, 'wait' | 'stop'> & { graces: number[] } {
  const graces: number[] = [];
  const stopped = new AbortController();
  return {
    graces,
    wait: () => fired(stopped.signal).then(() => ({ ...exit, exitCode: 143 })),
    stop: async (graceMs) => {
      graces.push(graceMs);
      stopped.abort();
    },
  };
}

describe('the end of a job that ran', () => {
  test('is stopped with the grace of the settings', async () => {
    const container = lingering();
    bench.at('recorder.running', () => bench.stop.request('kill'));

    const { outcome } = await follow(container, { stopGraceMs: 1234 });

    expect(container.graces).toEqual([1234]);
    expect(outcome).toMatchObject({ kind: 'ended', stopped: 'kill', exit: { exitCode: 143 } });
  });

  test('is stopped with the grace that the job asked for', async () => {
    const container = lingering();
    bench.at('recorder.running', () => bench.stop.request('kill'));

    await follow(container, { stopGraceMs: 1234 }, { stopGraceMs: 0 });

    expect(container.graces).toEqual([0]);
  });

  test('comes even when the stop could not be recorded', async () => {
    bench.at('recorder.running', () => bench.stop.request('kill'));
    bench.at('recorder.stopping', () => {
      throw new FencedError('Not ours.');
    });

    expect((await follow(lingering())).outcome).toMatchObject({ stopped: 'kill' });
  });

  test('is what the engine reports, even when the stop failed', async () => {
    bench.at('recorder.running', () => bench.stop.request('kill'));
    const container = { stop: () => Promise.reject(new BrokenError('engine_unavailable', 'No.')) };

    expect((await follow(container)).outcome).toMatchObject({ kind: 'ended', stopped: 'kill', exit });
  });

  test('has no outcome once the claim is lost: the container is stopped, and it throws', async () => {
    const container = lingering();
    bench.at('recorder.append', () => {
      throw new FencedError('Not ours.');
    });

    await expect(follow({ ...container, output: printing('a') })).rejects.toThrow(FencedError);
    expect(container.graces).toHaveLength(1);
    expect(bench.stop.reason).toBe('fenced');
  });

  test('is lost when the engine does not answer', async () => {
    const container = { wait: () => Promise.reject(new BrokenError('engine_unavailable', 'It is gone.')) };

    expect((await follow(container)).outcome).toEqual({ kind: 'vanished', message: 'It is gone.' });
  });

  test('removes the listener for a kill: one that comes too late stops nothing', async () => {
    const container = lingering();
    await follow({ stop: container.stop });

    bench.stop.request('kill');

    expect(bench.steps).not.toContain('recorder.stopping');
    expect(container.graces).toEqual([]);
  });
});

const broken = async () => {
  throw new BrokenError('engine_unavailable', 'No.');
};

describe('published ports', () => {
  const ports = [{ container: 80, host: 0, loopbackOnly: false }];
  const run = (given: Partial<RunningContainer>, asked = ports) =>
    runToEnd(bench.run(), {
      container: containerOf(given),
      secrets: new Map(),
      login: undefined,
      options: { ports: asked },
      parts: bench.parts(),
    });

  test('are recorded as the engine chose them', async () => {
    await run({ ports: async () => [{ container: 80, host: 49_153 }] });

    expect(bench.told.get('published')).toEqual([{ container: 80, host: 49_153 }]);
  });

  test('that the engine does not tell change nothing about the run', async () => {
    expect(await run({ ports: broken })).toMatchObject({ outcome: { kind: 'ended', exit } });
    expect(bench.told.has('published')).toBe(false);
  });

  test('are not asked for where a job has none', async () => {
    await run({ ports: async () => [{ container: 1, host: 1 }] }, []);

    expect(bench.told.has('published')).toBe(false);
  });
});
