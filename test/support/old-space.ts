import { getHeapSpaceStatistics } from 'node:v8';

/**
 * How many bytes V8 takes for long-lived, beyond what it did when this was called. It collects those late, whatever becomes of
 * them, so what is made and dropped for each of many things must not get there.
 */
export function watchOldSpace(): () => number {
  const before = oldSpaceBytes();
  return () => oldSpaceBytes() - before;
}

function oldSpaceBytes(): number {
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space');
  if (space === undefined) throw new Error('Expected V8 to have an old space.');
  return space.space_used_size;
}
