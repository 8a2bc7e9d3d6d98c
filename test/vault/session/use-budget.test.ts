import { expect, test } from 'vitest';
import { UseBudget } from '../../../src/vault/session/use-budget.js';

test('one use is always kept', () => {
  const budget = new UseBudget(3);
  budget.take();
  budget.take();

  expect(budget).toMatchObject({ spare: 0, spent: 2, isSpent: false, isLimited: true });
});

test('a use that did not reach Vault comes back', () => {
  const budget = new UseBudget(2);
  budget.take();
  budget.refund();

  expect(budget.spare).toBe(1);
});

test('0 means no limit', () => {
  const budget = new UseBudget(0);
  for (let use = 0; use < 1000; use += 1) budget.take();

  expect(budget).toMatchObject({
    spare: Number.POSITIVE_INFINITY,
    spent: 0,
    isSpent: false,
    isLimited: false,
  });
});

test('the last use ends it', () => {
  const budget = new UseBudget(1);
  budget.take();

  expect(budget).toMatchObject({ isSpent: true, spare: 0 });
});
