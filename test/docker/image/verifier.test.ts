import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ImageVerifier } from '../../../src/docker/image/verifier.js';

const digest = `sha256:${'d'.repeat(64)}`;
const known = [
  `registry.example/team/other@sha256:${'e'.repeat(64)}`,
  `registry.example/team/tool@${digest}`,
];
const image = 'registry.example/team/tool:1';
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stint-verifier-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Asked {
  readonly timeoutMs?: number;
  readonly named?: string;
  readonly digests?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Asks a program with this script. */
async function ask(script: string, asked: Asked = {}) {
  const program = join(directory, `verifier ${Math.random()}; exit 0`); // No shell may read the name.
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  return await askProgram(program, asked);
}

async function askProgram(
  program: string,
  { timeoutMs = 20_000, named = image, digests = known, signal = new AbortController().signal }: Asked = {},
) {
  const told: string[] = [];
  const verifier = new ImageVerifier({ program, timeoutMs, onFailure: (message) => told.push(message) });
  const failure = await verifier.verify(named, digests, signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { failure, told };
}

const unverified = { reason: 'image_unavailable', code: 'image_unverified' };

describe('an image that the program of the operator', () => {
  test('accepts may run; the program gets its name with the digest, and the name as the job wrote it, and nothing of the server', async () => {
    const seen = join(directory, 'seen');
    process.env.STINT_CANARY = 'CANARY';

    const { failure, told } = await ask(`{ echo "$#:$1:$2"; env; pwd; } > '${seen}'`);

    delete process.env.STINT_CANARY;
    expect(failure).toBeUndefined();
    expect(told).toEqual([]);
    const lines = (await readFile(seen, 'utf8')).trim().split('\n');
    expect(lines[0]).toBe(`2:registry.example/team/tool@${digest}:${image}`);
    expect(lines.slice(1, -1).map((line) => line.split('=')[0])).toEqual(expect.arrayContaining(['PATH']));
    expect(lines.join()).not.toMatch(/CANARY|HOME|VAULT|STINT/);
    expect(lines.at(-1)).toBe('/');
  });

  test.each([
    ['refuses', 'echo "no CANARY" >&2; exit 1', /refused it \(exit code 1\)/],
    ['crashes at', 'kill -SEGV $$', /was ended by SIGSEGV/],
    ['prints ever more about', 'yes CANARY | head -c 5000000; exit 7', /exit code 7/],
  ])('%s fails the job, without its words', async (_, script, why) => {
    const { failure, told } = await ask(script);

    expect(failure).toMatchObject({ ...unverified, message: expect.stringMatching(why) });
    expect((failure as Error).message).not.toContain('CANARY');
    expect(told).toHaveLength(1);
    expect(told[0]?.length).toBeLessThan(1_000);
  });

  test('refuses is told to the operator with its first words', async () => {
    const { told } = await ask('echo "no matching signatures" >&2; exit 1');

    expect(told[0]).toContain('no matching signatures');
    expect(told[0]).toContain(digest);
  });

  test('does not decide about in time fails the job, and neither it nor its children run on', async () => {
    const child = join(directory, 'child');

    const { failure } = await ask(`sleep 600 & echo $! > '${child}'; wait`, { timeoutMs: 1_500 });

    expect(failure).toMatchObject({ ...unverified, message: expect.stringContaining('1.5 seconds') });
    const pid = Number(await readFile(child, 'utf8'));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});

test('a job that is stopped meanwhile ends with its own reason, and the program is stopped', async () => {
  const stop = new AbortController();
  const begun = join(directory, 'begun');
  const asking = ask(`echo $$ > '${begun}'; exec sleep 600`, { signal: stop.signal });
  await expect.poll(() => readFile(begun, 'utf8').catch(() => '')).not.toBe('');

  stop.abort(new Error('killed'));

  expect((await asking).failure).toMatchObject({ message: 'killed' });
  const pid = Number(await readFile(begun, 'utf8'));
  await expect.poll(() => isRunning(pid)).toBe(false);
});

test.each(['/nonesuch/verifier', '/etc/passwd', '/etc'])(
  'a program that cannot be started fails the job: %s',
  async (program) => {
    const { failure, told } = await askProgram(program);

    expect(failure).toMatchObject({
      ...unverified,
      message: expect.stringContaining('could not be started'),
    });
    expect(told[0]).toContain(program);
  },
);

test.each([
  ['that was built or loaded at the engine', 'tool:1', []],
  ['whose digest is of another repository', 'registry.example/team/tool:1', known.slice(0, 1)],
  ['that is named by its id', digest, known],
  ['whose digest the engine does not have', `registry.example/team/tool@sha256:${'f'.repeat(64)}`, known],
])('an image %s fails the job, and the program is not asked', async (_, named, digests) => {
  const { failure } = await ask('exit 0', { named, digests });

  expect(failure).toMatchObject({ ...unverified, message: expect.stringContaining('knows no digest') });
});

/** A zombie has ended. */
function isRunning(pid: number): Promise<boolean> {
  return readFile(`/proc/${pid}/stat`, 'utf8').then(
    (stat) => !/\) Z /.test(stat),
    () => false,
  );
}
