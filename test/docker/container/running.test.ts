import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { WatchedExit } from '../../../src/docker/container/exit.js';
import { watchRunning } from '../../../src/docker/container/running.js';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import type { OutputWatch } from '../../../src/docker/output/output.js';
import { verdictOf } from '../../../src/job/outcome.js';
import { fakeEngine } from '../../support/fake-engine.js';

const finishedAt = new Date(2_000);
const ended = (exitCode: number): WatchedExit => ({
  exit: { exitCode, outOfMemory: false, proven: true },
  finishedAt,
  backAt: undefined,
});

const lookTimes = {
  whileOpen: { firstMs: 40, longestMs: 40 },
  afterOutput: { firstMs: 5, longestMs: 10 },
  confirmMs: 5,
};

/** Watches a container on a scripted engine; `endOutput` ends its output. */
function watch(given: Partial<Engine>, exit: Promise<WatchedExit>) {
  let watching: OutputWatch | undefined;
  const running = watchRunning({
    engine: fakeEngine(given),
    id: 'c1',
    exit,
    output: (outputWatch) => {
      watching = outputWatch;
      return (async function* () {})();
    },
    lookTimes,
  });
  return { running, endOutput: () => watching?.onStreamEnd() };
}

function deferred<T>() {
  const line = new EventEmitter();
  const promise = new Promise<T>((resolve, reject) => {
    line.once('value', resolve).once('failure', reject);
  });
  return {
    promise,
    resolve: (value: T) => line.emit('value', value),
    reject: (error: Error) => line.emit('failure', error),
  };
}

/** An engine that goes on saying `running`, until somebody kills the container; then it says 0. */
function hanging(tasks: readonly (boolean | Error)[], codeAfterKill = 0) {
  const asked: string[] = [];
  const exit = deferred<WatchedExit>();
  const left = [...tasks];
  const given: Partial<Engine> = {
    hasTask: async () => {
      asked.push('task');
      const next = left.length > 1 ? left.shift() : left[0];
      if (next instanceof Error) throw next;
      return next ?? true;
    },
    wasKilled: async () => asked.includes('kill'),
    kill: async () => {
      asked.push('kill');
      exit.resolve(ended(codeAfterKill));
    },
  };
  return { asked, exit, given };
}

describe('exit code 0', () => {
  test('of a container that was killed before its end proves nothing: the job is lost', async () => {
    const asked: unknown[] = [];
    const wasKilled = async (...about: unknown[]) => asked.push(about) > 0;

    const exit = await watch({ wasKilled }, Promise.resolve(ended(0))).running.wait();

    expect(exit).toMatchObject({ exitCode: 0, proven: false });
    expect(verdictOf({ kind: 'ended', exit, stopped: undefined, limitMs: 0 })).toMatchObject({
      state: 'lost',
      code: 'end_unproven',
      exitCode: undefined,
      message: expect.stringContaining('killed'),
    });
    expect(asked).toEqual([['c1', finishedAt]]);
  });

  test.each<[string, Engine['wasKilled']]>([
    ['of a container that nobody killed', async () => false],
    ['where the engine does not give its events', () => Promise.reject(new EngineError('events', 'cut', ''))],
  ])('%s is success', async (_, wasKilled) => {
    expect(await watch({ wasKilled }, Promise.resolve(ended(0))).running.wait()).toEqual(ended(0).exit);
  });

  test('is the only code that needs this: no other job waits for it', async () => {
    expect(await watch({}, Promise.resolve(ended(5))).running.wait()).toEqual(ended(5).exit);
  });
});

describe('a container whose process is gone while the engine says that it runs', () => {
  test('is killed when its output has ended and the engine has twice said so, and its job is lost', async () => {
    const { asked, exit, given } = hanging([false]);
    const { running, endOutput } = watch(given, exit.promise);

    endOutput();

    expect(await running.wait()).toMatchObject({ proven: false, doubt: expect.stringContaining('runtime') });
    expect(asked).toEqual(['task', 'task', 'kill']);
  });

  test('has no exit code, whatever the engine says after the kill', async () => {
    const { exit, given } = hanging([false], 5);
    const { running, endOutput } = watch(given, exit.promise);

    endOutput();

    expect(
      verdictOf({ kind: 'ended', exit: await running.wait(), stopped: undefined, limitMs: 0 }),
    ).toMatchObject({
      state: 'lost',
      exitCode: undefined,
    });
  });

  test('is lost even where the kill fails', async () => {
    const { exit, given } = hanging([false]);
    const kill = () => {
      exit.reject(new EngineError('wait', 'cut', ''));
      return Promise.reject(new EngineError('kill', 'timed_out', ''));
    };
    const { running, endOutput } = watch({ ...given, kill }, exit.promise);

    endOutput();

    expect(await running.wait()).toMatchObject({ proven: false });
  });

  test('is found without an end of its output too, where another process started it', async () => {
    const { asked, exit, given } = hanging([false]);

    expect(await watch(given, exit.promise).running.wait()).toMatchObject({ proven: false });
    expect(asked.at(-1)).toBe('kill');
  });
});

describe('a container that closed its output and goes on', () => {
  test.each<[string, (boolean | Error)[]]>([
    ['whose process runs', [true]],
    ['whose process is missing only once: its end was being recorded', [false, true]],
    ['whose engine cannot tell', [new EngineError('top', 'broken', 'no ps')]],
    ['whose engine cannot tell the second time', [false, new EngineError('top', 'cut', ''), true]],
  ])('%s is left alone', async (_, tasks) => {
    const { asked, exit, given } = hanging(tasks);
    const { running, endOutput } = watch(given, exit.promise);

    endOutput();
    await expect.poll(() => asked.length).toBeGreaterThan(4);
    exit.resolve(ended(3));

    expect(await running.wait()).toEqual(ended(3).exit);
    expect(asked).not.toContain('kill');
  });

  test('is not looked at any more after its end', async () => {
    const { asked, exit, given } = hanging([true]);
    const { running, endOutput } = watch(given, exit.promise);
    endOutput();
    await expect.poll(() => asked.length).toBeGreaterThan(1);

    exit.resolve(ended(3));
    await running.wait();
    const asksAtEnd = asked.length;
    await watch({}, Promise.resolve(ended(3))).running.wait();

    expect(asked.length).toBe(asksAtEnd);
  });
});
