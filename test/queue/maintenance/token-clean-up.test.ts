import { expect, test, vi } from 'vitest';
import {
  cleanUpTokens,
  type RevokeAccessor,
  revokeLeftovers,
} from '../../../src/queue/maintenance/token-clean-up.js';

const quiet = { info: () => undefined, error: () => undefined };

const echo: RevokeAccessor = async (accessor) => accessor as 'revoked' | 'gone' | 'unsure';

/** Rows whose tokens are still known; marking one removes it, as in the database. */
function storeOf(accessors: readonly string[]) {
  const left = new Map(accessors.map((accessor, index) => [`job${index}`, accessor]));
  return {
    left,
    listUnrevoked: async () => [...left].map(([id, tokenAccessor]) => ({ id, tokenAccessor })),
    markTokenRevoked: async (id: string) => void left.delete(id),
  };
}

test('a token that was revoked or is gone is done; one whose state is unknown stays on the list', async () => {
  const store = storeOf(['revoked', 'gone', 'unsure']);

  const alive = await revokeLeftovers({ store, node: 'n1', revoke: echo, log: quiet });

  expect(alive).toBe(1);
  expect([...store.left.values()]).toEqual(['unsure']);
});

test('it begins at once, and disposing waits for the current round', async () => {
  const store = storeOf(['one']);
  const revoke = vi.fn<RevokeAccessor>(async () => 'revoked');

  const cleanUp = cleanUpTokens({ store, node: 'n1', revoke, log: quiet });
  await cleanUp[Symbol.asyncDispose]();

  expect(revoke).toHaveBeenCalledExactlyOnceWith('one');
  expect(store.left.size).toBe(0);
});

test('disposing waits for the current token, not for all that are left', async () => {
  const store = storeOf(['one', 'two', 'three']);
  const answers: ((reply: 'unsure') => void)[] = [];
  const revoke = vi.fn<RevokeAccessor>(() => new Promise((resolve) => void answers.push(resolve)));
  const cleanUp = cleanUpTokens({ store, node: 'n1', revoke, log: quiet });
  await vi.waitFor(() => expect(revoke).toHaveBeenCalledOnce());

  const ended = cleanUp[Symbol.asyncDispose]();
  answers[0]?.('unsure');
  await ended;

  expect(revoke).toHaveBeenCalledExactlyOnceWith('one');
});

test('a round that fails is logged and does no harm', async () => {
  const errors: string[] = [];
  const store = { ...storeOf([]), listUnrevoked: () => Promise.reject(new Error('unavailable')) };
  const log = { info: () => undefined, error: (message: string) => void errors.push(message) };

  const cleanUp = cleanUpTokens({ store, node: 'n1', revoke: async () => 'gone', log });
  await cleanUp[Symbol.asyncDispose]();

  expect(errors).toEqual(['the clean-up of tokens failed; trying again']);
});

test('V7: a job reported during a round is found in the next one', async () => {
  const store = storeOf(['one']);
  const revoke = vi.fn<RevokeAccessor>(async (accessor) => {
    if (accessor === 'one') {
      store.left.set('job9', 'two');
      cleanUp.now();
    }
    return 'revoked';
  });

  const cleanUp = cleanUpTokens({ store, node: 'n1', revoke, log: quiet });

  await vi.waitFor(() => expect(revoke).toHaveBeenCalledWith('two'));
  await cleanUp[Symbol.asyncDispose]();
  expect(store.left.size).toBe(0);
});
