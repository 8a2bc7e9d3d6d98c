import { describe, expect, test } from 'vitest';
import { toExit, waitForExit } from '../../../src/docker/container/exit.js';
import type { ContainerFacts, Engine, EngineState } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { containerFacts, engineState, fakeEngine } from '../../support/fake-engine.js';

const cut = new EngineError('wait', 'cut', '');
const over = new AbortController();

/** Returns the answers one after the other and repeats the last one; errors are thrown. */
function each<T>(...answers: (T | Error)[]): () => Promise<T> {
  return async () => {
    const [next] = answers.length > 1 ? answers.splice(0, 1) : answers;
    if (next instanceof Error) throw next;
    return next as T;
  };
}

function watch(given: Partial<Engine>, retryForMs = 5_000) {
  return waitForExit(fakeEngine(given), 'c1', { signal: over.signal, retryForMs });
}

describe('waitForExit', () => {
  test('trusts the inspection of the container, not the answer of the wait', async () => {
    const running = containerFacts({ status: 'running', finishedAt: undefined });
    const ended = containerFacts({ exitCode: 3 });
    const findContainer = each<ContainerFacts | undefined>(running, ended);

    const { exit, backAt } = await watch({ wait: async () => undefined, findContainer });

    expect(exit).toEqual({ exitCode: 3, outOfMemory: false, proven: true });
    expect(backAt).toBeUndefined();
  });

  test('waits for an unavailable engine, and reports by the engine’s clock when it was back', async () => {
    const wait = each<void>(cut);
    const findContainer = each<ContainerFacts | undefined>(
      new EngineError('inspect', 'no_socket', ''),
      containerFacts(),
    );

    const clock = new Date('2025-10-18T15:00:00Z');

    const { exit, backAt } = await watch({ wait, findContainer, info: async () => engineState({ clock }) });

    expect(exit.proven).toBe(true);
    expect(backAt).toEqual(clock);
  });

  test.each(['no_socket', 'unreachable', 'forbidden', 'cut', 'timed_out', 'broken'] as const)(
    'goes on after a restart of the engine, whose socket was for a moment: %s',
    async (fault) => {
      const wait = each<void>(new EngineError('wait', fault, ''));
      const findContainer = each<ContainerFacts | undefined>(containerFacts());

      const { exit } = await watch({ wait, findContainer, info: async () => engineState() });

      expect(exit.proven).toBe(true);
    },
  );

  test('gives up on an engine that stays unavailable', async () => {
    const unavailable = new EngineError('inspect', 'unreachable', '');

    const asks = { findContainer: each<undefined>(unavailable), info: each<EngineState>(unavailable) };

    await expect(watch({ wait: each<void>(cut), ...asks }, 300)).rejects.toBe(unavailable);
  });

  test.each<[string, Partial<Engine>]>([
    ['in the wait', { wait: each<void>(new EngineError('wait', 'container_missing', '')) }],
    ['afterwards', { wait: async () => undefined, findContainer: async () => undefined }],
  ])('does not wait for a container that the engine has forgotten, seen %s', async (_, given) => {
    await expect(watch(given)).rejects.toMatchObject({ code: 'engine_unavailable', retryable: false });
  });

  test('ends with the reason of its signal', async () => {
    const gone = new Error('disposed');
    const wait = async () => {
      throw gone;
    };

    await expect(
      waitForExit(fakeEngine({ wait }), 'c1', { signal: AbortSignal.abort(gone), retryForMs: 1_000 }),
    ).rejects.toBe(gone);
  });
});

describe('an exit is proven', () => {
  test('by a start and an end of this very container', () => {
    expect(toExit(containerFacts(), 'c1').proven).toBe(true);
  });

  test.each([
    ['another container', { id: 'c2' }],
    ['no start', { startedAt: undefined }],
    ['no end', { finishedAt: undefined }],
    ['a state that is not the end', { status: 'dead' }],
  ])('not by %s', (_, facts) => {
    expect(toExit(containerFacts(facts), 'c1').proven).toBe(false);
  });
});
