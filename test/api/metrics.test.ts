import { expect, test } from 'vitest';
import { newJobId } from '../../src/job/id.js';
import { createTestApp, type TestApp } from '../support/test-app.js';

async function scrape({ app }: TestApp): Promise<string> {
  const response = await app.request('/v1/api/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

test('requests are counted by code, method and pattern: a thousand ids make no more series than one', async () => {
  const tested = createTestApp();
  await tested.send('GET', `/v1/api/job/${newJobId()}`);
  const one = seriesIn(await scrape(tested));
  for (let turn = 0; turn < 1000; turn += 1) await tested.send('GET', `/v1/api/job/${newJobId()}`);
  for (const path of ['/a', '/b', '/c/d']) await tested.send('GET', path);

  const text = await scrape(tested);

  expect(text).toContain(
    'stint_http_request_duration_seconds_count{code="404",method="GET",path="/v1/api/job/:id"} 1001',
  );
  expect(text).toContain(
    'stint_http_request_duration_seconds_count{code="404",method="GET",path="unknown"} 3',
  );
  // Two more routes were used: the scrape itself, and all unknown paths as one.
  const seriesOfARoute = 11 + 1 + 2;
  expect(seriesIn(text) - one).toBe(2 * seriesOfARoute);
});

function seriesIn(text: string): number {
  return text.split('\n').filter((line) => line.startsWith('stint_http')).length;
}

test('jobs are counted by state, with a zero where there are none', async () => {
  const tested = createTestApp();
  tested.queue.add();
  tested.queue.add();
  tested.queue.add({ state: 'failed', reason: 'exit_code' });

  const text = await scrape(tested);

  expect(text).toContain('stint_jobs{state="queued"} 2');
  expect(text).toContain('stint_jobs{state="failed"} 1');
  expect(text).toContain('stint_jobs{state="lost"} 0');
  expect(await scrape(tested)).toContain('stint_jobs{state="queued"} 2');
});

/** What the claim breaker says while Vault is sealed. */
const vaultAway = [
  { part: 'engine', reason: undefined },
  { part: 'vault', reason: 'Vault is sealed.' },
];

test('the parts that stop this node from taking jobs are shown', async () => {
  const text = await scrape(createTestApp({ blockers: () => vaultAway }));

  expect(text).toContain('stint_claims_blocked{part="engine"} 0');
  expect(text).toContain('stint_claims_blocked{part="vault"} 1');
});

test('security alarms are counted by code', async () => {
  const text = await scrape(createTestApp({ alarms: () => new Map([['wrap_used', 2]]) }));

  expect(text).toContain('stint_alarms_total{code="wrap_used"} 2');
});

test('jobs that retention removed are counted', async () => {
  const text = await scrape(createTestApp({ removedJobs: () => 7 }));

  expect(text).toContain('stint_removed_jobs_total 7');
});

test('an unavailable database costs the job numbers, not the scrape', async () => {
  const tested = createTestApp();
  tested.queue.add();
  await scrape(tested);
  tested.queue.failure = new Error('unavailable');

  const text = await scrape(tested);

  expect(text).not.toContain('stint_jobs{');
  expect(text).toContain('process_resident_memory_bytes');
  expect(tested.log).toContainEqual(
    expect.objectContaining({ level: 'warn', facts: { error: tested.queue.failure } }),
  );
});
