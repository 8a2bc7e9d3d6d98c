import { expect, test } from 'vitest';
import { Closers } from '../../src/server/closers.js';

function part(name: string, closed: string[], fails = false): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      closed.push(name);
      if (fails) throw new Error(`${name} failed`);
    },
  };
}

test('what was opened last is closed first, and only once', async () => {
  const closed: string[] = [];
  const closers = new Closers();
  for (const name of ['one', 'two', 'three']) closers.add(part(name, closed));
  closers.add({ [Symbol.dispose]: () => void closed.push('four') });

  await closers.close();
  await closers.close();

  expect(closed).toEqual(['four', 'three', 'two', 'one']);
});

test('one that cannot be closed does not keep the others open, and its failure is thrown', async () => {
  const closed: string[] = [];
  const closers = new Closers();
  closers.add(part('one', closed));
  closers.add(part('two', closed, true));
  closers.add(part('three', closed, true));

  await expect(closers.close()).rejects.toThrow('three failed');
  expect(closed).toEqual(['three', 'two', 'one']);
});
