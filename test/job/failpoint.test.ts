import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { armFailpoints, failpoint, failpointNames, parseFailpoints } from '../../src/job/failpoint.js';

afterEach(() => {
  armFailpoints([]);
  vi.restoreAllMocks();
});

/** Kills are recorded, not carried out. */
function watchKills(): unknown[] {
  const signals: unknown[] = [];
  vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
    expect(pid).toBe(process.pid);
    signals.push(signal);
    return true;
  });
  return signals;
}

test('a place that is not armed costs no promise', () => {
  expect(failpoint('before-unwrap')).toBeUndefined();
});

test('the settings name places, actions and passes', () => {
  expect(parseFailpoints('before-unwrap=kill, after-start=delay:500@2,after-exit=stop')).toEqual([
    { name: 'before-unwrap', action: 'kill', pass: 1 },
    { name: 'after-start', action: 500, pass: 2 },
    { name: 'after-exit', action: 'stop', pass: 1 },
  ]);
});

test.each([
  'before-lunch=kill',
  'before-unwrap',
  'before-unwrap=die',
  'before-unwrap=kill@0',
  'before-unwrap=delay',
  'before-unwrap=kill,',
])('the setting "%s" is refused', (text) => {
  expect(parseFailpoints(text)).toBeUndefined();
});

test('an armed place acts at its pass only, and no other place does', async () => {
  const signals = watchKills();
  armFailpoints([
    { name: 'after-start', action: 'kill', pass: 2 },
    { name: 'after-exit', action: 'stop', pass: 1 },
  ]);

  await failpoint('after-start');
  await failpoint('before-start');
  expect(signals).toEqual([]);
  await failpoint('after-start');
  await failpoint('after-start');
  expect(signals).toEqual(['SIGKILL']);
  await failpoint('after-exit');
  expect(signals).toEqual(['SIGKILL', 'SIGSTOP']);
});

test('a delay holds the step for its time', async () => {
  armFailpoints([{ name: 'after-claim', action: 30, pass: 1 }]);
  const startedAt = performance.now();

  await failpoint('after-claim');

  expect(performance.now() - startedAt).toBeGreaterThan(25);
});

/** A crash test would prove nothing if its place were in no source file, or in two. */
test('every name is at exactly one place of the source', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const text = sources
    .filter((path) => path !== join('job', 'failpoint.ts'))
    .map((path) => readFileSync(join('src', path), 'utf8'))
    .join('\n');
  const named = [...text.matchAll(/(?:failpoint|then)\(\s*'([a-z-]+)'/g)].map(([, name]) => name);

  expect(named.toSorted()).toEqual(failpointNames.toSorted());
});
