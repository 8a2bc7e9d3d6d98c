import { expect, test } from 'vitest';
import { FlapWatch, toWireEvents } from '../../../../src/api/gaffer/channel/event-words.js';
import type { JobEvent } from '../../../../src/queue/streams.js';

const web = { name: 'web', project: 'shop' };

const ofJob = (kind: string, progress: object = { mode: 'running' }): JobEvent => ({
  jobId: 'a',
  kind,
  label: web,
  parent: undefined,
  slot: undefined,
  exitCode: undefined,
  progress,
});
const ofProcess = (kind: string, more: Partial<JobEvent> = {}): JobEvent => ({
  ...ofJob(kind),
  label: { name: '7' },
  parent: web,
  slot: 0,
  ...more,
});
const words = (event: JobEvent) => toWireEvents(event).map(({ word }) => word);

test('a job that is only loaded has not been started', () => {
  expect(words(ofJob('submitted'))).toEqual(['load', 'start']);
  expect(words(ofJob('submitted', { mode: 'loaded' }))).toEqual(['load']);
  expect(words(ofJob('gaffer_started'))).toEqual(['start']);
});

test.each([
  ['submitted', ['spawn']],
  ['kill_requested', ['stop_process']],
  ['succeeded', ['exit', 'reap']],
  ['lost', ['exit', 'reap']],
  ['claimed', []],
])('of a process %s is %j', (kind, expected) => {
  expect(words(ofProcess(kind))).toEqual(expected);
});

test.each([
  [0, { exit_status: 0, term_signal: 0 }],
  [3, { exit_status: 3, term_signal: 0 }],
  [137, { exit_status: 137, term_signal: 9 }],
  [undefined, { exit_status: null, term_signal: 0 }],
])('an exit with code %s tells status and signal', (exitCode, facts) => {
  const [exit] = toWireEvents(ofProcess('failed', { exitCode }));

  expect(exit?.facts).toMatchObject({ name: 'shop.web', pid: 7, once: false, ...facts });
});

test('the exit of a committed process says that it ran once', () => {
  expect(toWireEvents(ofProcess('succeeded', { exitCode: 0, slot: -1 }))[0]?.facts).toMatchObject({
    once: true,
  });
});

test('a job flaps when its rounds grow, and each round once', () => {
  const flaps = new FlapWatch();
  const see = (rounds: number) =>
    flaps
      .see(ofProcess('failed', { progress: { brake: { rounds } } }))
      .map(({ word, name }) => `${word} ${name}`);

  expect([see(0), see(1), see(1), see(2), see(0)]).toEqual([
    [],
    ['flap shop.web'],
    [],
    ['flap shop.web'],
    [],
  ]);
});
