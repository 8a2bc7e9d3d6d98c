import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Engine, FoundImage, PullStep } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { Images } from '../../../src/docker/image/images.js';
import type { PullLimits } from '../../../src/docker/image/pull.js';
import { BrokenError } from '../../../src/job/errors.js';
import { fakeEngine, foundImage } from '../../support/fake-engine.js';
import { dependantsOf } from '../../support/signals.js';

const generous = { totalMs: 5_000, stallMs: 5_000 };

function step(status: string, more: Partial<PullStep> = {}): PullStep {
  return { status, mark: `${status} ${Math.random()}`, error: undefined, ...more };
}

/** A registry with the images it has; what was pulled is there from then on. */
function stock(pull: Engine['pull'], present: readonly string[] = []) {
  const there = new Set(present);
  const pulled: string[] = [];
  const engine = fakeEngine({
    findImage: async (reference) => (there.has(reference) ? foundImage(`sha256:${reference}`) : undefined),
    pull: async function* (reference, signal) {
      pulled.push(reference);
      yield* pull(reference, signal);
      there.add(reference);
    },
  });
  return { engine, pulled };
}

async function* works(): AsyncGenerator<PullStep> {
  yield step('Pulling');
}

/** Says the same thing again and again, until it is ended. */
async function* stalls(_: string, signal: AbortSignal): AsyncGenerator<PullStep> {
  for (;;) {
    yield step('Retrying in 5 seconds');
    await delay(10, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

function ensure(engine: Engine, policy: 'Always' | 'IfNotPresent' | 'Never', limits: PullLimits = generous) {
  return new Images(engine, { limits }).ensure('tool:1', policy, new AbortController());
}

function refuse(call: 'image' | 'pull'): never {
  throw new EngineError(call, 'reference_invalid', 'unsupported digest algorithm');
}

test.each(['Always', 'IfNotPresent', 'Never'] as const)(
  'with %s, a name that only the engine refuses fails the job',
  async (policy) => {
    const engine = fakeEngine({ findImage: async () => refuse('image'), pull: () => refuse('pull') });

    await expect(ensure(engine, policy)).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_reference_invalid',
      message: expect.stringContaining('does not accept this name'),
    });
  },
);

describe('Images', () => {
  test.each([
    ['Always', true, 1],
    ['IfNotPresent', true, 0],
    ['Never', true, 0],
    ['Always', false, 1],
    ['IfNotPresent', false, 1],
  ] as const)('with %s, present: %s, pulls %s times', async (policy, isPresent, times) => {
    const { engine, pulled } = stock(works, isPresent ? ['tool:1'] : []);

    expect((await ensure(engine, policy)).id).toBe('sha256:tool:1');
    expect(pulled).toHaveLength(times);
  });

  test('asks for the tag `latest` where none is named: an engine would pull all of them', async () => {
    const { engine, pulled } = stock(works);

    await new Images(engine, { limits: generous }).ensure('tool', 'Always', new AbortController());

    expect(pulled).toEqual(['tool:latest']);
  });

  test('pulls once for all waiting jobs, and again for a later one', async () => {
    const { engine, pulled } = stock(works);
    const images = new Images(engine, { limits: generous });
    const ask = () => images.ensure('tool:1', 'Always', new AbortController());

    await Promise.all([ask(), ask(), ask()]);
    await ask();

    expect(pulled).toHaveLength(2);
  });

  test('leaves nothing with the signal of a job', async () => {
    const { signal } = new AbortController();

    await new Images(stock(works).engine, { limits: generous }).ensure('tool:1', 'Always', { signal });

    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(dependantsOf(signal)).toBe(0);
  });
});

describe('a pull', () => {
  test.each([
    ['all in all', { totalMs: 60, stallMs: 5_000 }, /it took longer than 0.06 seconds/],
    ['without progress', { totalMs: 5_000, stallMs: 60 }, /there was no progress for 0.06 seconds/],
  ])('gives up a pull that takes too long %s', async (_, limits, message) => {
    const failing = ensure(stock(stalls).engine, 'Always', limits);

    await expect(failing).rejects.toMatchObject({ reason: 'image_unavailable', code: 'pull_timed_out' });
    await expect(failing).rejects.toThrow(message);
  });

  test('ends a pull that no job waits for, and gives each job its own reason', async () => {
    let ended = false;
    const { engine } = stock(async function* (reference, signal) {
      try {
        yield* stalls(reference, signal);
      } finally {
        ended = true;
      }
    });
    const images = new Images(engine, { limits: generous });
    const stops = [new AbortController(), new AbortController()];
    const asking = stops.map(({ signal }) =>
      images.ensure('tool:1', 'Always', { signal }).catch((error: Error) => error),
    );

    stops[0]?.abort(new Error('first'));
    expect(await asking[0]).toMatchObject({ message: 'first' });
    expect(ended).toBe(false);
    stops[1]?.abort(new Error('second'));

    expect(await asking[1]).toMatchObject({ message: 'second' });
    await expect.poll(() => ended).toBe(true);
  });
});

describe('a pull that fails', () => {
  test.each([
    ['image_not_found', 'manifest unknown'],
    ['image_not_found', 'no matching manifest for linux/arm64/v8'],
    ['image_access_denied', 'unauthorized: authentication required'],
    ['pull_rate_limited', 'toomanyrequests: You have reached your pull rate limit'],
    [
      'pull_failed',
      'failed to unpack image on snapshotter overlayfs: unexpected media type text/html: not found',
    ],
    ['image_not_found', 'manifest for tool:1 not found'],
    ['registry_unreachable', 'dial tcp 1.2.3.4:443: connect: connection refused'],
    ['pull_failed', 'filesystem layer verification failed'],
  ])('inside its answer gives `%s`', async (code, error) => {
    const { engine } = stock(async function* () {
      yield step('Pulling');
      yield step('', { error });
    });

    await expect(ensure(engine, 'Always')).rejects.toMatchObject({ reason: 'image_unavailable', code });
  });

  test.each([
    'blob upload: <inner>root:x:0:0</inner>',
    'manifest unknown: <inner>root:x:0:0</inner>',
    'denied: <inner>root:x:0:0</inner>',
    'invalid reference format: <inner>root:x:0:0</inner>',
    'no space left on device: <inner>root:x:0:0</inner>',
    'connection error: desc = "transport: <inner>root:x:0:0</inner>"',
    'bind source path does not exist: <inner>root:x:0:0</inner>',
    'No such container: <inner>root:x:0:0</inner>',
  ])('tells the job nothing of what its registry answered: %s', async (error) => {
    const { engine } = stock(async function* () {
      yield step('', { error });
    });

    await expect(ensure(engine, 'Always')).rejects.toMatchObject({
      message: expect.not.stringMatching(/inner|root/),
    });
  });

  test.each(['no_socket', 'cut'] as const)(
    'for the engine itself (%s) is not the fault of the job',
    async (fault) => {
      const broken = new EngineError('pull', fault, '');
      const { engine } = stock(async function* () {
        yield step('Pulling');
        throw broken;
      });

      await expect(ensure(engine, 'Always')).rejects.toBe(broken);
    },
  );
});

describe('a failed pull', () => {
  test.each([
    'write /var/lib/docker/tmp/x: no space left on device',
    'connection error: desc = "transport: Error while dialing": unavailable',
  ])(
    'in words of a full or broken engine is the job’s failure, unless the engine’s own probe fails: %s',
    async (error) => {
      const { engine } = stock(async function* () {
        yield step('', { error });
      });
      const full = new BrokenError('engine_unavailable', 'The disk is full.');
      const ensureWith = (check: () => Promise<void>) =>
        new Images(engine, { limits: generous, check }).ensure('tool:1', 'Always', new AbortController());
      const isFull = async () => {
        throw full;
      };

      await expect(ensureWith(async () => undefined)).rejects.toMatchObject({
        reason: 'image_unavailable',
        message: expect.not.stringContaining(error),
      });
      await expect(ensureWith(isFull)).rejects.toBe(full);
    },
  );
});

describe('an image that the engine lists and of which it has nothing to run', () => {
  const hollow = foundImage('sha256:hollow', {}, { layers: [], isHollow: true });
  const whole = foundImage('sha256:whole');

  /** An engine with this image under the name; each pull does the next thing of the list. */
  function engineWith(
    first: FoundImage | undefined,
    ...pulls: (FoundImage | 'fails' | 'fails and leaves it')[]
  ) {
    let present = first;
    const asked: string[] = [];
    const engine = fakeEngine({
      findImage: async () => present,
      pull: async function* () {
        asked.push('pull');
        const next = pulls.shift();
        if (next === 'fails and leaves it') present = hollow;
        yield step('', typeof next === 'string' ? { error: 'unexpected media type text/html' } : {});
        present = next as FoundImage;
      },
      removeImage: async (name) => {
        asked.push(`remove ${name}`);
        present = undefined;
        return true;
      },
    });
    return { engine, asked };
  }

  test('is pulled once more, and then runs', async () => {
    const { engine, asked } = engineWith(hollow, whole);

    expect(await ensure(engine, 'IfNotPresent')).toBe(whole);
    expect(asked).toEqual(['pull']);
  });

  test('fails the job as unusable when a pull changes nothing, or is forbidden', async () => {
    const unusable = { reason: 'image_unavailable', code: 'image_unusable' };

    await expect(ensure(engineWith(hollow, hollow).engine, 'IfNotPresent')).rejects.toMatchObject(unusable);
    await expect(ensure(engineWith(undefined, hollow).engine, 'Always')).rejects.toMatchObject(unusable);
    await expect(ensure(engineWith(hollow).engine, 'Never')).rejects.toMatchObject(unusable);
  });

  test.each(['Always', 'IfNotPresent'] as const)(
    'is removed where a failed pull left it under a free name, with %s',
    async (policy) => {
      const { engine, asked } = engineWith(undefined, 'fails and leaves it');

      await expect(ensure(engine, policy)).rejects.toMatchObject({ code: 'pull_failed' });
      expect(asked).toEqual(['pull', 'remove tool:1']);
    },
  );

  test.each([
    ['had it before', hollow],
    ['had a whole one before', whole],
  ])('is not removed after a failed pull where the engine %s', async (_, first) => {
    const { engine, asked } = engineWith(first, 'fails');

    await expect(ensure(engine, 'Always')).rejects.toMatchObject({ code: 'pull_failed' });
    expect(asked).toEqual(['pull']);
  });
});
