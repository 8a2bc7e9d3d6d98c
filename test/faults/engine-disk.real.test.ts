import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { startEngine } from '../../rig/engine/engine.js';
import { runCommand } from '../../rig/process.js';
import { uniqueName } from '../journey/vault-operator.js';
import { openStand } from './stand.js';

/** A disk of 160 MiB, in memory. */
const disk = await mkdtemp(join(tmpdir(), 'stint-disk-'));
await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', disk]);
const { own, dockerHost } = await startEngine({ alwaysOwn: true, name: 'disk', args: ['--data-root', disk] });
if (own === undefined) throw new Error('Expected a private engine.');
const engine = own;
const stand = await openStand({ dockerHost });
const { client, sql, stint } = stand;
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await runCommand('umount', ['--lazy', disk]);
  await rm(disk, { recursive: true });
});

async function waitUntilBlocked(): Promise<void> {
  await vi.waitFor(async () => {
    const ready = (await (await fetch(`${stint.url}/readyz`)).json()) as object;
    expect(ready).toMatchObject({ takes_no_jobs: expect.stringMatching(/disk of the engine/) });
  }, 20_000);
}

test('E6: jobs wait with their credentials while the disk of the engine is full, and run afterwards', async () => {
  const ballast = join(disk, 'ballast');
  await runCommand('fallocate', ['-l', '120m', ballast]);
  const id = await stand.submit({ qname: uniqueName(), run: ['echo', 'ran'] });
  await waitUntilBlocked();
  expect(await stand.look(id)).toMatchObject({ state: 'queued', code: 'engine_unavailable', sealed: true });
  const spent = await sql`select 1 from events where kind = 'unwrapping' and job_id = ${id}`;
  expect(spent.length).toBe(0);

  await rm(ballast);
  await vi.waitFor(async () => expect((await fetch(`${stint.url}/readyz`)).status).toBe(200), 10_000);
  await stand.retryNow();

  expect(await client.wait(id)).toMatchObject({ status: 'success', output: 'ran\n' });
});

test('E6: a job that fills the disk fails by itself, with its whole output, and the next one waits until it ended', async () => {
  const fill =
    'dd if=/dev/zero of=/tmp/flood bs=1M count=400 2>/dev/null; echo "dd said $?"; sleep 4; echo end; exit 9';
  const id = await stand.submit({ qname: uniqueName(), run: ['sh', '-c', fill] });
  await client.wait(id, 20_000, ({ output }) => output.includes('dd said'));
  const next = await stand.submit({ qname: uniqueName(), run: ['echo', 'ran'] });
  await waitUntilBlocked();

  expect(await client.wait(id)).toMatchObject({
    status: 'failed',
    return_code: 9,
    output: 'dd said 1\nend\n',
  });
  expect(await client.wait(next)).toMatchObject({ status: 'success', output: 'ran\n' });
});
