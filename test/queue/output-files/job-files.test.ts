import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Execution } from '../../../src/executor/run.js';
import type { OutputTargets } from '../../../src/job/options/options.js';
import { writeJobFiles } from '../../../src/queue/output-files/job-files.js';
import { newJob } from '../../support/fake-queue.js';

const output = { stdoutBytes: 4, stderrBytes: 4, flaw: undefined };
const exit = { exitCode: 0, outOfMemory: false, proven: true };
const ended: Execution = { outcome: { kind: 'ended', exit, stopped: undefined, limitMs: 1 }, output };

let root: string;
const logged: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stint-files-'));
  logged.length = 0;
});

afterEach(() => rm(root, { recursive: true }));

/** Of a job that printed to both streams in turns. */
async function write(targets: OutputTargets, execution = ended, outputRoot = root) {
  const job = newJob({ id: 'a'.repeat(24), options: { output: targets } });
  const chunks = [{ position: 0, runs: [2, -4, 2], bytes: Buffer.from('ouerr\nt\n') }];
  const store = {
    findJob: async () => ({ job, outputComplete: true, outputFlaw: undefined }),
    readOutput: async () => chunks,
  };
  const log = { error: (message: string) => void logged.push(message) };
  return writeJobFiles({ store, outputRoot: outputRoot || undefined, log }, job.id, execution);
}

const read = (name: string) => readFile(join(root, name), 'utf8');

test('each stream is written to its file', async () => {
  expect(await write({ stdout: `${root}/a.out`, stderr: `${root}/a.err` })).toEqual(ended);

  expect([await read('a.out'), await read('a.err')]).toEqual(['out\n', 'err\n'.slice(0, 4)]);
});

test('in a directory they have the name of the job', async () => {
  await write({ stdout: `${root}/logs/`, stderr: `${root}/logs/` });

  const id = 'a'.repeat(24);
  expect((await readdir(join(root, 'logs'))).toSorted()).toEqual([`${id}.err`, `${id}.out`]);
});

test('two streams that share a file are written as they came', async () => {
  await write({ stdout: `${root}/both`, stderr: `${root}/both` });

  expect(await read('both')).toBe('ouerr\nt\n');
});

test('nothing is written for /dev/null, without a root, and for a run that will be repeated', async () => {
  const postponed: Execution = { outcome: { kind: 'postponed', code: 'x', message: 'x' }, output };

  await write({ stdout: '/dev/null', stderr: '/dev/null' });
  await write({ stdout: `${root}/a.out` }, ended, '');
  await write({ stdout: `${root}/a.out` }, postponed);

  expect(await readdir(root)).toEqual([]);
});

test('a file that cannot be written is a flaw of the output, and the run stays as it ended', async () => {
  await symlink('/tmp', join(root, 'link'));

  for (const stdout of [`${root}/link/a.out`, '/elsewhere/a.out', `${root}-beside/a.out`])
    expect(await write({ stdout })).toEqual({
      outcome: ended.outcome,
      output: { ...output, flaw: 'output_file_not_written' },
    });
  expect(logged).toHaveLength(3);
});
