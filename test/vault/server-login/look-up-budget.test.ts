import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BrokenError, RefusedError } from '../../../src/job/errors.js';
import { Secret } from '../../../src/job/secret.js';
import { LookUpBudget } from '../../../src/vault/server-login/look-up-budget.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const limits = { perAddress: 5, inAll: 20 };
let count = 0;
const fresh = () => {
  count += 1;
  return `token-${count}`;
};

/** One look-up of a new token; what became of it, and how often Vault was asked. */
function createVault(settings = limits) {
  const budget = new LookUpBudget(settings);
  const asked: string[] = [];
  const lookUp = (token: string, answer: () => Promise<unknown>, address = '10.0.0.1') =>
    budget
      .ask({ address, token: new Secret(token) }, async () => {
        asked.push(token);
        return await answer();
      })
      .then(
        () => 'accepted',
        (error: RefusedError | BrokenError) => error.code,
      );
  return {
    asked,
    bad: (address?: string, token = fresh()) => lookUp(token, refuse, address),
    good: (address?: string, token = fresh()) => lookUp(token, async () => 'fine', address),
    lookUp,
  };
}

const fail = () => Promise.reject(new BrokenError('vault_unavailable', 'It is sealed.'));
const refuse = () => Promise.reject(new RefusedError('token_refused', 'no'));

describe('A2: of tokens that Vault refuses', () => {
  test('so many from one address reach it, and then a tenth of that each second', async () => {
    const vault = createVault();

    for (let second = 0; second < 100; second++) {
      for (let i = 0; i < 100; i++) await vault.bad();
      await vi.advanceTimersByTimeAsync(1_000);
    }

    expect(vault.asked.length).toBeGreaterThan(50);
    expect(vault.asked.length).toBeLessThanOrEqual(5 + 50);
  });

  test('so many from all addresses reach it together', async () => {
    const vault = createVault();

    for (let i = 0; i < 10_000; i++) await vault.bad(`10.1.${i >> 8}.${i % 256}`);

    expect(vault.asked).toHaveLength(20);
  });

  test('those that come at once are no more', async () => {
    const vault = createVault();

    const ends = await Promise.all(Array.from({ length: 500 }, () => vault.bad()));

    expect(vault.asked).toHaveLength(5);
    expect(ends.filter((end) => end === 'rate_limited')).toHaveLength(495);
  });
});

describe('a good token', () => {
  test('from another address is not affected', async () => {
    const vault = createVault();
    for (let i = 0; i < 500; i++) await vault.bad('10.0.0.1');

    for (let i = 0; i < 500; i++) expect(await vault.good('10.0.0.2')).toBe('accepted');
  });

  test('is never limited by others, also when very many come at once: some of them wait', async () => {
    const vault = createVault();

    const ends = await Promise.all(Array.from({ length: 500 }, () => vault.good()));

    expect(new Set(ends)).toEqual(new Set(['accepted']));
  });

  test('from the address of a flood is accepted at its second try, while the flood goes on', async () => {
    const vault = createVault();
    for (let i = 0; i < 500; i++) await vault.bad();
    expect(await vault.good(undefined, 'mine')).toBe('rate_limited');
    for (let i = 0; i < 500; i++) await vault.bad();

    expect(await vault.good(undefined, 'mine')).toBe('accepted');
  });

  test('is accepted soon after a flood that repeats its own tokens too', async () => {
    const vault = createVault();
    for (let i = 0; i < 2_000; i++) await vault.bad(undefined, `again-${i % 100}`);
    expect(await vault.good(undefined, 'mine')).toBe('rate_limited');

    await vi.advanceTimersByTimeAsync(2_000);

    expect(await vault.good(undefined, 'mine')).toBe('accepted');
  });
});

test('V5: while Vault does not answer, callers beyond the first ones are told so within two seconds', async () => {
  const vault = createVault();
  const ends: string[] = [];
  for (let i = 0; i < 50; i++)
    void vault.lookUp(`hanging-${i}`, () => new Promise(() => {})).then((end) => ends.push(end));

  await vi.advanceTimersByTimeAsync(2_100);

  expect(vault.asked).toHaveLength(5);
  expect(ends).toEqual(Array.from({ length: 45 }, () => 'vault_unavailable'));
});

test('V5: a Vault that fails uses nothing up', async () => {
  const vault = createVault();

  for (let i = 0; i < 100; i++) expect(await vault.lookUp(`t-${i}`, fail)).toBe('vault_unavailable');

  expect(await vault.good()).toBe('accepted');
});
