import { describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../../src/job/payload/memory-budget.js';

const never = new AbortController().signal;

describe('a memory budget', () => {
  test('gives as much as there is, and again what was released, however often that is said', () => {
    const budget = new MemoryBudget(100);
    const [one, other] = [budget.open(), budget.open()];

    expect(one.take(60)).toBe(true);
    expect(other.take(50)).toBe(false);
    expect(other.take(40)).toBe(true);
    expect(other.take(1)).toBe(false);
    one.release();
    one.release();
    expect(budget.usedBytes).toBe(40);
    expect(other.take(60)).toBe(true);
  });

  test('gives more than there is only to whoever is alone', () => {
    const budget = new MemoryBudget(100);
    const [one, other] = [budget.open(), budget.open()];

    expect(one.take(90)).toBe(true);
    expect(one.take(90)).toBe(true);
    expect(other.take(1)).toBe(false);
    one.release();
    expect(other.take(500)).toBe(true);
  });

  test('lets those who wait have it in the order of asking', async () => {
    const budget = new MemoryBudget(100);
    const first = await budget.wait(80, never);
    const order: string[] = [];
    const noted = async (name: string, bytes: number) => {
      const taken = await budget.wait(bytes, never);
      order.push(name);
      return taken;
    };
    const large = noted('large', 90);
    const small = noted('small', 5);
    expect(order).toEqual([]);

    first.release();
    (await large).release();
    await small;

    expect(order).toEqual(['large', 'small']);
  });

  test('forgets whoever stops waiting, and lets the next one have it', async () => {
    const budget = new MemoryBudget(100);
    const first = await budget.wait(80, never);
    const stop = new AbortController();
    const stopped = budget.wait(90, stop.signal);
    const next = budget.wait(20, never);

    stop.abort(new Error('killed'));

    await expect(stopped).rejects.toThrow('killed');
    (await next).release();
    first.release();
    expect(budget.usedBytes).toBe(0);
    await expect(budget.wait(1, stop.signal)).rejects.toThrow('killed');
  });
});
