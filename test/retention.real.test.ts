import { execFile } from 'node:child_process';
import { afterAll, expect, test } from 'vitest';
import { openTestDatabase } from './support/database.js';
import { submitInto } from './support/stored-jobs.js';

const limitMs = 120_000;
const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

/** As its npm script runs it. */
async function retention(settings: Record<string, string>, ...args: readonly string[]) {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    STINT_DATABASE_URL: database.url,
    ...settings,
  };
  return await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const command = ['scripts/run.mjs', 'src/retention', ...args];
    execFile(process.execPath, command, { env, timeout: limitMs }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

test('G11: what would go is shown first, then it goes', { timeout: limitMs }, async () => {
  const { id } = await submitInto(store, 'succeeded');
  await sql`update jobs set token_accessor = null, finished_at = '2026-01-02T03:04:05Z', stdout_bytes = 1024 where id = ${id}`;
  const count = async () => Number((await sql`select count(*) from jobs`)[0]?.count);

  const shown = await retention({ STINT_RETENTION: '1d' }, '--dry-run');
  const after = await count();
  const done = await retention({ STINT_RETENTION: '1d' });

  expect(shown.stdout).toContain(
    'door gostint: 1 jobs and 0 of their children, ended from 2026-01-02T03:04:05.000Z to 2026-01-02T03:04:05.000Z, 1KiB of output\n',
  );
  expect(shown.stdout).toContain('door runai: nothing to remove\n');
  expect(after).toBe(1);
  expect(done).toMatchObject({ code: 0, stdout: '1 jobs were removed.\n' });
  expect(await count()).toBe(0);
});

test('wrong settings and options are refused', { timeout: limitMs }, async () => {
  expect(await retention({ STINT_RETENTION: 'soon' })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Expected STINT_RETENTION to be a duration'),
  });
  expect(await retention({}, '--all')).toMatchObject({ code: 2 });
});
