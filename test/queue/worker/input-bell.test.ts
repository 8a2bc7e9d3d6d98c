import { afterEach, expect, test, vi } from 'vitest';
import { InputBell } from '../../../src/queue/worker/input-bell.js';

afterEach(() => vi.restoreAllMocks());

test('each of many listeners hears a ring, also one that comes while it does not wait, and nobody is warned of a leak', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const bell = new InputBell();
  const listeners = Array.from({ length: 17 }, () => bell.listen());
  const wait = (listener: (typeof listeners)[number]) => listener.wait(new AbortController().signal);
  for (const listener of listeners) await wait(listener); // What was sent before.
  const waiting = listeners.map(wait);

  bell.ring();
  await Promise.all(waiting);
  bell.ring();
  await Promise.all(listeners.map(wait));

  expect(warn).not.toHaveBeenCalled();
});
