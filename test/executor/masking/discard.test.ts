import { expect, test } from 'vitest';
import type { OutputPart } from '../../../src/executor/backend.js';
import { discard } from '../../../src/executor/masking/discard.js';
import { partMask } from '../../../src/executor/masking/mask-parts.js';
import { copyOutput, OutputCollector } from '../../../src/executor/output.js';
import type { OutputChunk } from '../../../src/executor/run-recorder.js';
import { Secret } from '../../../src/job/secret.js';
import { maskOf } from '../../support/mask.js';

const parts: readonly OutputPart[] = [
  { stream: 'stdout', bytes: Buffer.from('out hunter2 ') },
  { stream: 'stderr', bytes: Buffer.from('err hunter2') },
  { stream: 'stdout', bytes: Buffer.from('more') },
];

async function* printed() {
  yield* parts;
}

async function store(targets: { stdout?: string; stderr?: string }) {
  const chunks: OutputChunk[] = [];
  const collector = new OutputCollector(async (chunk) => void chunks.push(chunk), 1_000_000);
  const filter = discard(targets, partMask(maskOf(new Map([['A', new Secret('hunter2')]]))));
  await copyOutput(printed(), filter, collector);
  await collector.end();
  const stored = Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
  return { stored, runs: chunks.flatMap(({ runs }) => runs), totals: collector.totals };
}

const totals = { stdoutBytes: 16, stderrBytes: 11 };

test('a stream that goes to /dev/null is not stored, and the other one is, masked', async () => {
  expect(await store({ stdout: '/dev/null' })).toEqual({ stored: 'err [secret]', runs: [-12], totals });
  expect(await store({ stderr: '/dev/null' })).toMatchObject({ stored: 'out [secret] more', totals });
});

test('both may go there', async () => {
  expect(await store({ stdout: '/dev/null', stderr: '/dev/null' })).toEqual({ stored: '', runs: [], totals });
});

test('a stream that goes to a file is stored', async () => {
  expect((await store({ stdout: '/dev/null2', stderr: 'a' })).stored).toContain('out [secret]');
});
