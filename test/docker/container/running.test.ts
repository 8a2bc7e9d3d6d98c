import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { WatchedExit } from '../../../src/docker/container/exit.js';
import { findGoneTask } from '../../../src/docker/container/gone-task.js';
import { watchRunning } from '../../../src/docker/container/running.js';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { verdictOf } from '../../../src/job/outcome.js';
import { containerFacts, fakeEngine } from '../../support/fake-engine.js';

const finishedAt = new Date(2_000);
const ended = (exitCode: number): WatchedExit => ({
  exit: { exitCode, outOfMemory: false, proven: true },
  finishedAt,
  backAt: undefined,
});

const cut = new EngineError('events', 'cut', '');
const lookTimes = { firstMs: 5, longestMs: 10, confirmMs: 5 };

/** Watches a container on a scripted engine. */
function watch(given: Partial<Engine>, exit: Promise<WatchedExit>) {
  return watchRunning({
    engine: fakeEngine(given),
    id: 'c1',
    exit,
    output: () => Readable.from([]),
    lookTimes,
  });
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

/** An engine that goes on saying `running`, until somebody kills the container; then it says this, with an end after the kill. */
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

describe('exit code 137', () => {
  const events = { recallEnd: async () => ({ endedAt: finishedAt, wasSignalled: false }) };
  const looks = (...seen: (boolean | undefined)[]) => {
    const findContainer = async () => {
      const outOfMemory = seen.length > 1 ? seen.shift() : seen[0];
      return outOfMemory === undefined ? undefined : containerFacts({ exitCode: 137, outOfMemory });
    };
    return watch({ ...events, findContainer }, Promise.resolve(ended(137))).wait();
  };

  test('is for its memory where the engine says so a moment later', async () => {
    expect(await looks(false, false, true)).toEqual({ exitCode: 137, outOfMemory: true, proven: true });
  });

  test('waits no longer for an engine that does not answer', async () => {
    const silent = { ...events, findContainer: () => new Promise<undefined>(() => undefined) };
    const exit = await watch(silent, Promise.resolve(ended(137))).wait();

    expect(exit).toMatchObject({ exitCode: 137, outOfMemory: false });
  });

  test('is none of its memory where the engine never says so, or no longer knows it', async () => {
    expect(await looks(false)).toEqual({ exitCode: 137, outOfMemory: false, proven: true });
    expect(await looks(undefined)).toEqual({ exitCode: 137, outOfMemory: false, proven: true });
  });
});

describe('exit code 0', () => {
  test('of a container that was killed before its end proves nothing: the job is lost', async () => {
    const asked: unknown[] = [];
    const wasKilled = async (...about: unknown[]) => asked.push(about) > 0;

    const exit = await watch({ wasKilled }, Promise.resolve(ended(0))).wait();

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
    ['where the engine does not give its events', () => Promise.reject(cut)],
  ])('%s is success', async (_, wasKilled) => {
    expect(await watch({ wasKilled }, Promise.resolve(ended(0))).wait()).toEqual(ended(0).exit);
  });

  test('is the only code that needs this: no other job waits for it', async () => {
    expect(await watch({}, Promise.resolve(ended(5))).wait()).toEqual(ended(5).exit);
  });
});

describe('a container whose process is gone while the engine says that it runs', () => {
  test('is killed when the engine has twice shown no process, and its job is lost', async () => {
    const { asked, exit, given } = hanging([false]);

    const found = await watch(given, exit.promise).wait();

    expect(found).toMatchObject({ proven: false, doubt: expect.stringContaining('runtime') });
    expect(asked).toEqual(['task', 'task', 'kill']);
  });

  test.each([0, 5, 137])(
    'has no exit code where the engine says %i and an end after the kill',
    async (code) => {
      const { exit, given } = hanging([false], code);

      const found = await watch(given, exit.promise).wait();

      expect(verdictOf({ kind: 'ended', exit: found, stopped: undefined, limitMs: 0 })).toMatchObject({
        state: 'lost',
        exitCode: undefined,
      });
    },
  );

  test.each([0, 5])(
    'has its own code %i where the engine then says that it ended before the kill',
    async (code) => {
      const { exit, given } = hanging([false], code);

      expect(await watch({ ...given, wasKilled: async () => false }, exit.promise).wait()).toEqual(
        ended(code).exit,
      );
    },
  );

  test('is lost where the events cannot tell whether it ended before the kill', async () => {
    const { exit, given } = hanging([false], 5);

    expect(
      await watch({ ...given, wasKilled: () => Promise.reject(cut) }, exit.promise).wait(),
    ).toMatchObject({
      proven: false,
    });
  });

  test('is lost even where the kill fails', async () => {
    const { exit, given } = hanging([false]);
    const kill = () => {
      exit.reject(new EngineError('wait', 'cut', ''));
      return Promise.reject(new EngineError('kill', 'timed_out', ''));
    };

    expect(await watch({ ...given, kill }, exit.promise).wait()).toMatchObject({ proven: false });
  });
});

describe('a container that prints nothing', () => {
  test.each<[string, (boolean | Error)[]]>([
    ['whose process runs', [true]],
    ['whose process is missing only once: its end was being recorded', [false, true]],
    ['whose engine cannot tell', [new EngineError('top', 'broken', 'no ps')]],
    ['whose engine cannot tell the second time', [false, new EngineError('top', 'cut', ''), true]],
  ])('%s is left alone', async (_, tasks) => {
    const { asked, exit, given } = hanging(tasks);
    const running = watch(given, exit.promise);

    await expect.poll(() => asked.length).toBeGreaterThan(4);
    exit.resolve(ended(3));

    expect(await running.wait()).toEqual(ended(3).exit);
    expect(asked).not.toContain('kill');
  });
});

test('a container that prints is not looked at', async () => {
  const { asked, exit, given } = hanging([false]);
  const over = new AbortController();
  const looking = findGoneTask({
    engine: fakeEngine(given),
    id: 'c1',
    outputParts: () => performance.now(),
    over: over.signal,
    times: lookTimes,
  });
  setTimeout(() => over.abort(), 60);

  expect(await looking).toBe(false);
  expect(asked).toEqual([]);
  exit.resolve(ended(0));
});
