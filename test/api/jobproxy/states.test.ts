import { expect, test } from 'vitest';
import { toWireState } from '../../../src/api/jobproxy/states.js';
import { failureReasons, jobStates } from '../../../src/job/state.js';
import { newJob, outputOf } from '../../support/fake-queue.js';

const none = outputOf('');

test.each([
  [{ state: 'queued' }, 'pending', 'queued'],
  [{ state: 'queued', message: 'Vault is sealed.' }, 'pending', 'queued: Vault is sealed.'],
  [{ state: 'preparing' }, 'pending', 'preparing'],
  [{ state: 'running' }, 'running', 'running'],
  [{ state: 'stopping' }, 'running', 'stopping'],
  [{ state: 'succeeded', exitCode: 0 }, '0', 'succeeded'],
  [{ state: 'failed', reason: 'exit_code', exitCode: 3 }, '3', 'failed: exit status 3'],
  [
    { state: 'failed', reason: 'start_failed', code: 'command_not_found', exitCode: 127, message: 'x' },
    '127',
    'failed: program not found',
  ],
  [{ state: 'failed', reason: 'start_failed', message: 'port in use' }, '1', 'failed: start: port in use'],
  [
    { state: 'failed', reason: 'timed_out', exitCode: 137, message: 'Stopped after 5 s.' },
    '137',
    'failed: limit: Stopped after 5 s.',
  ],
  [
    {
      state: 'failed',
      reason: 'timed_out',
      code: 'cpu_time_used_up',
      exitCode: 137,
      message: 'x',
      options: { limits: { cpuTimeMs: 3_600_000 } },
    },
    '137',
    'failed: limit: cpu time of 1 h used up',
  ],
  [{ state: 'failed', reason: 'auth_refused', message: 'no' }, '1', 'failed: auth refused: no'],
  [{ state: 'failed', reason: 'out_of_memory', exitCode: 0 }, '1', 'failed: out of memory'],
  [{ state: 'canceled', exitCode: 137 }, '137', 'canceled'],
  [{ state: 'canceled', exitCode: 0 }, '1', 'canceled'],
  [{ state: 'canceled' }, '1', 'canceled'],
  [{ state: 'lost', exitCode: 0, message: 'The node was shut down.' }, '1', 'lost: The node was shut down.'],
] as const)('%j', (changes, code, description) => {
  expect(toWireState(newJob(changes), none)).toMatchObject({ code, description });
});

test('a task that ended has a number as its code, another has not, and 0 is success alone', () => {
  for (const state of jobStates)
    for (const reason of failureReasons)
      for (const exitCode of [undefined, 0, 1, 255]) {
        const { code } = toWireState(newJob({ state, reason, exitCode }), none);
        const isFinal = ['succeeded', 'failed', 'canceled', 'lost'].includes(state);
        expect(/^\d+$/.test(code)).toBe(isFinal);
        expect(code === '0').toBe(state === 'succeeded');
      }
});

test('the published ports of a running task are told, and not those of one that has ended', () => {
  const publishedPorts = [
    { container: 80, host: 49_153 },
    { container: 81, host: 8081 },
  ];

  expect(toWireState(newJob({ state: 'running', publishedPorts }), none).description).toBe(
    'running; ports: 80->49153, 81->8081',
  );
  expect(toWireState(newJob({ state: 'succeeded', publishedPorts }), none).description).toBe('succeeded');
});

test('both streams are shown apart, and what is missing is said', () => {
  const output = outputOf('', {
    stdoutText: 'out',
    stderrText: 'err',
    droppedBytes: 7,
    complete: false,
    incompleteReason: 'the engine was lost',
  });

  expect(toWireState(newJob({ state: 'succeeded' }), output)).toMatchObject({
    stdout: 'out',
    stderr: 'err',
    description: 'succeeded; 7 bytes of output were not kept; output may be missing: the engine was lost',
  });
});
