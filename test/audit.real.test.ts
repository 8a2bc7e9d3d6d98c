import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sealEvents } from '../src/queue/audit/seal-events.js';
import { openTestDatabase } from './support/database.js';

const limitMs = 120_000;
const database = await openTestDatabase();
const { store, sql } = database;
const log = { info: () => undefined, error: () => undefined };
const headFile = join(tmpdir(), `stint-head-${process.pid}.json`);

beforeAll(async () => {
  await sql`insert into events (kind, actor) select 'one', 'test' from generate_series(1, 3)`;
  await vi.waitUntil(async () => (await sealEvents({ store, log })) > 0, { timeout: 30_000 });
});
afterAll(async () => {
  await rm(headFile, { force: true });
  await database[Symbol.asyncDispose]();
});

/** As its npm script runs it. */
async function audit(...args: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, STINT_DATABASE_URL: database.url };
  return await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const command = ['scripts/run.mjs', 'src/audit', ...args];
    execFile(process.execPath, command, { env, timeout: limitMs }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

test('A6: a head is exported, and the history holds against it', { timeout: limitMs }, async () => {
  const { stdout } = await audit('export');
  await writeFile(headFile, stdout);

  expect(await audit('verify')).toMatchObject({
    code: 0,
    stdout: 'The history holds: 3 events in 1 links; 0 events are not sealed yet.\n',
  });
  expect(await audit('verify', '--head', headFile)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('The head of link 1 is not signed'),
  });
});

test('A6: a head that was changed in its file is refused', { timeout: limitMs }, async () => {
  await using file = await openSigned({ signature: 'AAAA' });

  expect(await audit('verify', '--head', file.path)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The signature of the head of link 1 is not by this key'),
  });
});

test('A6: the first bad record is named, and the exit code says it', { timeout: limitMs }, async () => {
  await sql.unsafe(`set session_replication_role = replica; update events set actor = 'bob' where seq = 2;
                    set session_replication_role = origin`);

  expect(await audit('verify', '--head', headFile)).toMatchObject({
    code: 1,
    stdout: 'The history was changed, first in link 1. Event 2 was changed; it now says "one".\n',
  });
});

test.each([[[]], [['nonsense']], [['verify', '--nonsense']], [['export', 'more']]])(
  '%j is answered with the usage',
  { timeout: limitMs },
  async (args) => {
    expect(await audit(...args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('npm run --silent audit -- verify'),
    });
  },
);

/** The exported head with a signature that it does not have. */
async function openSigned(changes: object): Promise<AsyncDisposable & { readonly path: string }> {
  const { stdout } = await audit('export');
  const path = `${headFile}.signed`;
  const signed = { key: 'k', key_version: 1, public_key: 'AAAA', ...changes };
  await writeFile(path, JSON.stringify({ ...(JSON.parse(stdout) as object), ...signed }));
  return { path, [Symbol.asyncDispose]: () => rm(path) };
}
