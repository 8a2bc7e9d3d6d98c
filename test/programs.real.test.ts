import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const limitMs = 120_000;

const run = promisify(execFile);

/** Runs a program as its npm script does. */
async function start(entry: string, ...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME };
  const { stdout } = await run(process.execPath, ['scripts/run.mjs', entry, ...args], {
    env,
    timeout: limitMs,
  });
  return stdout;
}

test.each([
  ['demo/main', 'npm run demo'],
  ['vault-dev/main', 'npm run vault-dev'],
  ['vault-dev/bootstrap-main', 'npm run --silent vault-bootstrap'],
  ['bench/main', 'npm run bench'],
])('%s --help says what it does, and does nothing', { timeout: limitMs }, async (entry, command) => {
  const text = await start(entry, '--help');

  expect(text.startsWith(`${command} [-- `)).toBe(true);
  expect(text).toMatch(/\n\n[A-Z]/);
});

test.each(['demo/main', 'vault-dev/main', 'vault-dev/bootstrap-main', 'bench/main'])(
  '%s refuses an argument that it does not know, in one sentence',
  { timeout: limitMs },
  async (entry) => {
    const refusal = await start(entry, '--nonsense').catch((error: unknown) => error);

    expect(refusal).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Expected [^\n]+, got "--nonsense"\.\n$/),
    });
  },
);
