import { getEventListeners } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { callEngine } from '../../../src/docker/engine/deadline.js';
import { dependantsOf } from '../../support/signals.js';

/** Never settles, as the library does for some calls; notes whether it was aborted. */
function silence() {
  const signals: AbortSignal[] = [];
  const run = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<string>(() => undefined);
  };
  return { run, signals };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('callEngine', () => {
  test('returns the answer', async () => {
    expect(await callEngine('info', { limitMs: 1_000 }, async () => 'yes')).toBe('yes');
  });

  test('does not wait longer than its limit, whatever the library does', async () => {
    const { run, signals } = silence();

    await expect(callEngine('info', { limitMs: 20 }, run)).rejects.toMatchObject({
      call: 'info',
      fault: 'timed_out',
    });
    expect(signals[0]?.aborted).toBe(true);
  });

  test('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const { run } = silence();

    const calling = callEngine('pull', { limitMs: undefined, signal: stop.signal }, run);
    stop.abort(new Error('killed'));

    await expect(calling).rejects.toThrow('killed');
  });

  test('does not begin when its signal has fired', async () => {
    const { run, signals } = silence();
    const signal = AbortSignal.abort(new Error('killed'));

    await expect(callEngine('pull', { limitMs: 1_000, signal }, run)).rejects.toThrow('killed');
    expect(signals).toEqual([]);
  });

  test('translates what the library throws', async () => {
    const failing = callEngine('start', { limitMs: 1_000 }, async () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    });

    await expect(failing).rejects.toMatchObject({ call: 'start', fault: 'unreachable' });
  });

  test('does not end a stream after the answer', async () => {
    vi.useFakeTimers();
    let seen: AbortSignal | undefined;

    await callEngine('attach', { limitMs: 20 }, async (signal) => {
      seen = signal;
    });
    vi.advanceTimersByTime(1_000);

    expect(seen?.aborted).toBe(false);
  });
});

describe('the signal of a call', () => {
  test('keeps nothing of the call, however that ends', async () => {
    const stop = new AbortController();
    const { run } = silence();
    const { signal } = stop;

    await callEngine('upload', { limitMs: 1_000, signal }, async () => 'done');
    await callEngine('upload', { limitMs: 1_000, signal }, () => Promise.reject(new Error('no'))).catch(
      () => 0,
    );
    await callEngine('upload', { limitMs: 1, signal }, run).catch(() => 0);

    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(dependantsOf(signal)).toBe(0);
  });

  test('has one listener while an answer streams, and none when the stream is closed', async () => {
    const stop = new AbortController();
    let seen: AbortSignal | undefined;
    const answer = await callEngine('pull', { limitMs: 1_000, signal: stop.signal }, async (signal) => {
      seen = signal;
      return new PassThrough();
    });
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);

    answer.destroy();
    await vi.waitFor(() => expect(getEventListeners(stop.signal, 'abort')).toEqual([]));
    expect(seen?.aborted).toBe(false);
  });

  test('ends an answer that streams, with its reason', async () => {
    const stop = new AbortController();
    let seen: AbortSignal | undefined;
    await callEngine('pull', { limitMs: 1_000, signal: stop.signal }, async (signal) => {
      seen = signal;
      return new PassThrough();
    });

    stop.abort(new Error('killed'));

    expect(seen?.reason).toEqual(new Error('killed'));
  });
});
