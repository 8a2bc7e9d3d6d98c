import { expect, test } from 'vitest';
import { wasEndedByEngine } from '../../../src/docker/container/engine-end.js';
import type { RememberedEnd } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { fakeEngine } from '../../support/fake-engine.js';

const before = new Date(1_000);
const ended = new Date(2_000);
const after = new Date(3_000);

const itself: RememberedEnd = { endedAt: ended, wasSignalled: false };
const signalled: RememberedEnd = { endedAt: ended, wasSignalled: true };
const nothing: RememberedEnd = { endedAt: undefined, wasSignalled: false };
const away = new EngineError('events', 'no_socket', '');

type Answer = RememberedEnd | Error;

/** Judges with an engine that answers this on any connection, and that on a new one. */
async function judge(
  onOld: Answer,
  onNew: Answer,
  more: { code?: number; backAt?: Date; oom?: boolean } = {},
) {
  const { code = 143, backAt, oom = false } = more;
  const asked: string[] = [];
  const engine = fakeEngine({
    recallEnd: async (_, connection) => {
      asked.push(connection);
      const answer = connection === 'new' ? onNew : onOld;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const exit = { exitCode: code, outOfMemory: oom, proven: true };
  const lost = await wasEndedByEngine({ engine, id: 'c1' }, { exit, finishedAt: ended, backAt });
  return { lost, asked };
}

test.each([137, 143, 255])(
  'code %i is the job’s own when the events have its end and no signal',
  async (code) => {
    expect(await judge(itself, itself, { code })).toEqual({ lost: false, asked: ['any'] });
  },
);

test('E2: so it is when the engine restarted before the end, or is being stopped now', async () => {
  expect((await judge(itself, itself, { backAt: before })).lost).toBe(false);
  expect((await judge(itself, away)).lost).toBe(false);
});

test('E2: an engine that sent a signal and refuses new connections is being stopped, and ended it', async () => {
  expect((await judge(signalled, away)).lost).toBe(true);
});

test('a signal through an engine that accepts connections came from a client', async () => {
  expect((await judge(signalled, signalled)).lost).toBe(false);
  expect((await judge(signalled, signalled, { backAt: before })).lost).toBe(false);
});

test('E2: a signal from before the engine was back came from the engine itself', async () => {
  expect((await judge(signalled, signalled, { backAt: after })).lost).toBe(true);
});

test('E2: an end that is missing in the events is unknown: the engine restarted, maybe between two requests', async () => {
  expect((await judge(nothing, nothing, { backAt: after })).lost).toBe(true);
  expect((await judge(nothing, nothing)).lost).toBe(true);
  expect((await judge(signalled, nothing)).lost).toBe(true);
});

test('E2: so is an end about which no engine answers', async () => {
  expect((await judge(away, away)).lost).toBe(true);
  expect((await judge(new EngineError('events', 'forbidden', ''), away)).lost).toBe(true);
});

test('a connection that broke is no answer: a new one is tried', async () => {
  const cut = new EngineError('events', 'cut', '');

  expect((await judge(cut, itself)).lost).toBe(false);
});

test('an engine that refuses to give its events is available', async () => {
  const refused = new EngineError('events', 'refused', 'Forbidden');

  expect((await judge(refused, refused)).lost).toBe(false);
});

test.each([0, 1, 130, 139])('code %i is the job’s own, whatever the engine does', async (code) => {
  expect(await judge(away, away, { code, backAt: after })).toEqual({ lost: false, asked: [] });
});

test('a job that ran out of memory did so by itself', async () => {
  expect((await judge(away, away, { code: 137, oom: true })).lost).toBe(false);
});
