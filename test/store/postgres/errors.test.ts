import { expect, onTestFinished, test, vi } from 'vitest';
import { BrokenError } from '../../../src/job/errors.js';
import { onLoginRefusal, reportConnectionLoss } from '../../../src/store/postgres/connection-loss.js';
import { guarded } from '../../../src/store/postgres/errors.js';

/** An error as the drivers throw it; its text holds secrets. */
function failure(code: string): Error {
  return Object.assign(new Error('insert into jobs values (hunter2)'), { code });
}

async function translated(cause: unknown): Promise<BrokenError> {
  const [answer] = await Promise.allSettled([guarded(() => Promise.reject(cause))]);
  if (answer.status === 'rejected' && answer.reason instanceof BrokenError) return answer.reason;
  throw new Error('Expected a BrokenError.');
}

test.each([
  ['the server was shut down', '57P01'],
  ['the server is starting', '57P03'],
  ['the statement took too long', '57014'],
  ['there are too many connections', '53300'],
  ['the disk is full', '53100'],
  ['the disk is broken', '58030'],
  ['the connection broke', '08006'],
  ['the server became a standby', '25006'],
  ['the login is refused, which may have been replaced', '28P01'],
  ['nobody listens', 'ECONNREFUSED'],
  ['the network is unreachable', 'EHOSTUNREACH'],
  ['the name is not known for now', 'EAI_AGAIN'],
  ['the driver lost the connection', 'CONNECTION_CLOSED'],
])('when %s, Postgres is unavailable and a later try may help', async (_, code) => {
  expect(await translated(failure(code))).toMatchObject({ code: 'database_unavailable', retryable: true });
});

test.each(['23505', '23514', '22021', '42P01'])('%s is not retryable', async (code) => {
  expect(await translated(failure(code))).toMatchObject({ code: 'internal', retryable: false });
});

test('a refused login is announced to whoever can get another', async () => {
  let refusals = 0;
  using _ = onLoginRefusal(() => refusals++);
  await translated(failure('28000'));
  await translated(failure('53300'));

  expect(refusals).toBe(1);
});

test('the SQLSTATE that drizzle hides one level down is found', async () => {
  const hidden = new Error('Failed query: select hunter2', { cause: failure('57P01') });

  expect(await translated(hidden)).toMatchObject({ code: 'database_unavailable' });
});

test('the text of the driver is kept in the cause only', async () => {
  for (const code of ['57P01', '23505']) {
    expect((await translated(failure(code))).message).not.toContain('hunter2');
  }
});

test('what is no error of a driver keeps its own face', async () => {
  const own = new BrokenError('internal', 'Ours.');

  expect(await translated(own)).toBe(own);
});

test('a deadlock is tried again, but not for ever', async () => {
  const once = vi
    .fn<() => Promise<string>>()
    .mockRejectedValueOnce(failure('40P01'))
    .mockResolvedValue('done');
  const always = vi.fn<() => Promise<string>>().mockRejectedValue(failure('40P01'));

  expect(await guarded(once)).toBe('done');
  await expect(guarded(always)).rejects.toThrow('SQLSTATE 40P01');
  expect(always).toHaveBeenCalledTimes(3);
});

test('Q4: after the loss of a connection the running statements are given up soon, unless they have a limit of their own', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const never = new Promise<never>(() => undefined);
  const ended: string[] = [];
  void guarded(() => never).catch(() => ended.push('statement'));
  void guarded(() => never, 60_000).catch(() => ended.push('migration'));

  await vi.advanceTimersByTimeAsync(5_000);
  expect(ended).toEqual([]);
  reportConnectionLoss();
  reportConnectionLoss();
  await vi.advanceTimersByTimeAsync(1_000);

  expect(ended).toEqual(['statement']);
});

test('a statement that the driver forgot is not waited for without a limit', async () => {
  const never = new Promise<never>(() => undefined);

  await expect(guarded(() => never, 20)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: 'Could not use Postgres: it does not answer.',
  });
});
