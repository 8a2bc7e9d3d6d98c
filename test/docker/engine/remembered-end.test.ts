// Tests what is read out of the events of a container.
import { expect, test } from 'vitest';
import { hasKill, toRememberedEnd } from '../../../src/docker/engine/remembered-end.js';

/** As Docker 20.10 writes them. */
const die = {
  status: 'die',
  id: 'c1',
  Type: 'container',
  Action: 'die',
  Actor: { ID: 'c1', Attributes: { exitCode: '255' } },
  time: 1_796_026_996,
  timeNano: 1_796_026_996_083_565_000,
};
const kill = { ...die, status: 'kill', Action: 'kill', Actor: { ID: 'c1', Attributes: { signal: '15' } } };

test('a container whose end the engine saw ended at the time of that', () => {
  expect(toRememberedEnd([die])).toEqual({
    endedAt: new Date('2026-11-30T08:23:16.083Z'),
    wasSignalled: false,
  });
});

test('a signal by way of the engine is told, whether the end is remembered or not', () => {
  expect(toRememberedEnd([kill, die])).toMatchObject({ endedAt: expect.any(Date), wasSignalled: true });
  expect(toRememberedEnd([kill])).toEqual({ endedAt: undefined, wasSignalled: true });
});

test('a time need not be told to the nanosecond', () => {
  expect(toRememberedEnd([{ Action: 'die', time: 1_796_026_996 }]).endedAt).toEqual(
    new Date(1_796_026_996_000),
  );
});

test('nothing is remembered where nothing was answered, or nothing that concerns an end', () => {
  const nothing = { endedAt: undefined, wasSignalled: false };

  expect(toRememberedEnd([])).toEqual(nothing);
  expect(toRememberedEnd([{ Action: 7 }, {}])).toEqual(nothing);
});

test.each([
  [true, '9'],
  [true, 9],
  [true, 'SIGKILL'],
  [true, 'KILL'],
  [false, '15'],
  [false, '19'],
  [false, undefined],
])('it is %s that signal %s cannot be caught and ends a container', (expected, signal) => {
  const event = { ...kill, Actor: { ID: 'c1', Attributes: { signal } } };

  expect(hasKill([die, event])).toBe(expected);
  expect(hasKill([{ ...event, Action: 'die' }])).toBe(false);
});

test('events without their attributes show no signal', () => {
  expect(hasKill([{ Action: 'kill' }, { Action: 'kill', Actor: null }, { Action: 'kill', Actor: {} }])).toBe(
    false,
  );
});
