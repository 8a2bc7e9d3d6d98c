import { describe, expect, test } from 'vitest';
import { toWireJob } from '../../../src/api/gostint/answer.js';
import { countByStatus, filtersOf, statusOf, statusWords } from '../../../src/api/gostint/states.js';
import { failureReasons, jobStates } from '../../../src/job/state.js';
import { newJob, outputOf } from '../../support/fake-queue.js';

describe('the status word', () => {
  test.each([
    ['queued', 'queued'],
    ['preparing', 'running'],
    ['running', 'running'],
    ['stopping', 'stopping'],
    ['succeeded', 'success'],
    ['failed', 'failed'],
    ['canceled', 'failed'],
    ['lost', 'unknown'],
  ] as const)('of %s is %s', (state, word) => {
    expect(statusOf(newJob({ state }))).toBe(word);
  });

  test('of a refused SecretID is notauthorised, of every other failure failed', () => {
    const words = failureReasons.map((reason) => [reason, statusOf(newJob({ state: 'failed', reason }))]);

    expect(words.filter(([, word]) => word !== 'failed')).toEqual([['auth_refused', 'notauthorised']]);
  });

  test('finds exactly the jobs that show it', () => {
    for (const state of jobStates) {
      for (const reason of state === 'failed' ? failureReasons : [undefined]) {
        const found = statusWords.filter((word) =>
          filtersOf(word)?.some(
            (filter) =>
              filter.state === state &&
              (filter.reason === undefined || filter.reason === reason) &&
              (filter.exceptReason === undefined || filter.exceptReason !== reason),
          ),
        );
        expect(found).toEqual([statusOf({ state, reason })]);
      }
    }
  });

  test('counts every job once', () => {
    const counts = [
      { state: 'queued', reason: undefined, count: 4 },
      { state: 'preparing', reason: undefined, count: 1 },
      { state: 'running', reason: undefined, count: 2 },
      { state: 'failed', reason: 'exit_code', count: 8 },
      { state: 'failed', reason: 'auth_refused', count: 16 },
      { state: 'canceled', reason: undefined, count: 32 },
      { state: 'lost', reason: undefined, count: 64 },
    ] as const;

    expect(countByStatus(counts)).toEqual({
      queued: 4,
      running: 3,
      stopping: 0,
      success: 0,
      failed: 40,
      notauthorised: 16,
      unknown: 64,
    });
  });
});

describe('a job that waits', () => {
  test('has zero times, empty texts and no output, though the model knows why it waits', () => {
    const job = newJob({ queue: null, message: 'Waiting for Vault.', code: 'vault_unavailable' });

    expect(toWireJob(job, outputOf(''))).toEqual({
      _id: job.id,
      status: 'queued',
      node_uuid: '',
      qname: '',
      container_image: '',
      submitted: '2025-10-18T14:18:42.101Z',
      started: '0001-01-01T00:00:00Z',
      ended: '0001-01-01T00:00:00Z',
      output: '',
      stderr: '',
      return_code: 0,
      tty: false,
      container_id: '',
      kill_requested: false,
    });
  });
});

describe('the return code', () => {
  test.each([
    ['refused before its start', { state: 'failed', reason: 'auth_refused' }],
    ['without its image', { state: 'failed', reason: 'image_unavailable' }],
    ['without a secret', { state: 'failed', reason: 'secrets_refused' }],
    ['canceled while it waited', { state: 'canceled' }],
    ['lost', { state: 'lost' }],
  ] as const)('of a job that never exited is 125, never a success: %s', (_, changes) => {
    expect(toWireJob(newJob(changes), outputOf('')).return_code).toBe(125);
  });

  test.each([
    ['queued', undefined, 0],
    ['running', undefined, 0],
    ['succeeded', 0, 0],
    ['failed', 3, 3],
    ['canceled', 0, 0],
    ['canceled', 143, 143],
  ] as const)('of a job that is %s and exited with %s is %s', (state, exitCode, code) => {
    expect(
      toWireJob(newJob({ state, ...(exitCode !== undefined && { exitCode }) }), outputOf('')).return_code,
    ).toBe(code);
  });
});

describe('the output', () => {
  test('holds both streams, and stderr again alone', () => {
    const wire = toWireJob(newJob({ state: 'running' }), outputOf('a\nb\n', { stderrText: 'b\n' }));

    expect(wire).toMatchObject({ output: 'a\nb\n', stderr: 'b\n' });
  });

  test.each([
    ['failed before its start', { state: 'failed', reason: 'image_unavailable' }],
    ['was canceled before its start', { state: 'canceled' }],
    ['could not be started', { state: 'failed', reason: 'start_failed', exitCode: 127 }],
    ['ran out of memory', { state: 'failed', reason: 'out_of_memory', exitCode: 137 }],
    ['is lost', { state: 'lost' }],
  ] as const)('of a silent job that %s says why', (_, changes) => {
    expect(toWireJob(newJob({ ...changes, message: 'The reason.' }), outputOf('')).output).toBe(
      'The reason.',
    );
  });

  test('of a job whose command could not be started says why in our words, not those of the init process', () => {
    const job = newJob({ state: 'failed', reason: 'start_failed', exitCode: 127, message: 'The reason.' });

    expect(toWireJob(job, outputOf('[FATAL tini (7)] exec failed\n')).output).toBe('The reason.');
  });

  test.each([
    ['ended by itself', { state: 'failed', reason: 'exit_code', exitCode: 3 }],
    ['was killed while it ran', { state: 'canceled', exitCode: 143 }],
    ['runs', { state: 'running' }],
  ] as const)('of a silent job that %s is empty', (_, changes) => {
    expect(toWireJob(newJob({ ...changes, message: 'The reason.' }), outputOf('')).output).toBe('');
  });

  test('of a job that printed something is what it printed', () => {
    const job = newJob({ state: 'failed', reason: 'timed_out', message: 'Too long.' });

    expect(toWireJob(job, outputOf('half')).output).toBe('half');
  });

  test('says of an ended job when something may be missing', () => {
    const output = outputOf('half', { complete: false, incompleteReason: 'node_restarted' });

    expect(toWireJob(newJob({ state: 'lost' }), output).output).toBe(
      'half\n[stint: output may be missing: node_restarted]\n',
    );
    expect(toWireJob(newJob({ state: 'running' }), output).output).toBe('half');
  });

  test('keeps a byte order mark and makes JSON of bytes that are no text', () => {
    const combined = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x00]);

    expect(toWireJob(newJob(), { ...outputOf(''), combined }).output).toBe('\ufeffa\ufffd\0');
  });
});

test('the reason of a parent that failed follows the output of its children', () => {
  const facts = {
    state: 'failed',
    reason: 'exit_code',
    exitCode: 3,
    message: 'The run did not succeed.',
  } as const;
  const parent = newJob({ ...facts, isParent: true });

  expect(toWireJob(parent, outputOf('printed\n')).output).toBe(
    'printed\n\n[stint: The run did not succeed.]\n',
  );
  expect(toWireJob(newJob(facts), outputOf('printed\n')).output).toBe('printed\n');
});
