import { describe, expect, test } from 'vitest';
import { activeStates, canMove, finalStates, isActive, isFinal, jobStates } from '../../src/job/state.js';

const pairs = jobStates.flatMap((from) => jobStates.map((to) => [from, to] as const));

describe('the states of a job', () => {
  test.each(pairs.filter(([from]) => isFinal(from)))('%s never becomes %s', (from, to) => {
    expect(canMove(from, to)).toBe(false);
  });

  test.each(pairs.filter(([from, to]) => from === to))('%s does not move to itself', (from, to) => {
    expect(canMove(from, to)).toBe(false);
  });

  test('nothing that ran goes back to the queue', () => {
    expect(canMove('running', 'queued')).toBe(false);
    expect(canMove('stopping', 'queued')).toBe(false);
  });

  test('every state is waiting, active or final', () => {
    expect(['queued', ...activeStates, ...finalStates].toSorted()).toEqual([...jobStates].toSorted());
    expect(activeStates.every(isActive)).toBe(true);
    expect(finalStates.every(isFinal)).toBe(true);
  });
});
