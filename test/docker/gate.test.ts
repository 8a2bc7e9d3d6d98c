import { expect, test } from 'vitest';
import { Gate } from '../../src/docker/gate.js';

test('a gate lets in so many at once, and the others in the order in which they came', async () => {
  const gate = new Gate(2);
  const entered: number[] = [];
  const leave: (() => void)[] = [];
  const pass = (number: number) =>
    gate.run(async () => {
      entered.push(number);
      await new Promise<void>((resolve) => leave.push(resolve));
      return number;
    });

  const passing = [1, 2, 3, 4].map(pass);
  await expect.poll(() => entered).toEqual([1, 2]);
  leave[1]?.();
  await expect.poll(() => entered).toEqual([1, 2, 3]);
  passing.push(pass(5));
  leave[0]?.();
  await expect.poll(() => entered).toEqual([1, 2, 3, 4]);
  leave[2]?.();
  await expect.poll(() => entered).toEqual([1, 2, 3, 4, 5]);
  for (const each of leave) each();

  expect(await Promise.all(passing)).toEqual([1, 2, 3, 4, 5]);
});

test('a gate gets its place back from work that fails', async () => {
  const gate = new Gate(1);

  await expect(gate.run(() => Promise.reject(new Error('x')))).rejects.toThrow('x');

  expect(await gate.run(async () => 'next')).toBe('next');
});
