import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDockerBackend } from '../../src/docker/backend.js';
import { partMask } from '../../src/executor/masking/mask-parts.js';
import { copyOutput, emptyOutput, OutputCollector, type OutputState } from '../../src/executor/output.js';
import { resume } from '../../src/executor/resume.js';
import type { OutputChunk } from '../../src/executor/run-recorder.js';
import { renderSecretsFile } from '../../src/executor/secrets/secrets-file.js';
import { newJobId } from '../../src/job/id.js';
import { Secret } from '../../src/job/secret.js';
import { containerRequest } from '../support/container-request.js';
import { type DockerBench, openDockerBench } from '../support/docker-bench.js';
import { ExecutorBench } from '../support/executor-bench.js';
import { maskOf } from '../support/mask.js';
import { rigPart } from '../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
let docker: DockerBench;

beforeAll(async () => {
  docker = await openDockerBench(dockerHost);
});

afterAll(() => docker[Symbol.asyncDispose]());

const values = new Map([
  ['TOKEN', new Secret('hvs.token-of-the-job')],
  ['PASS', new Secret('hunter2-and-more')],
]);
const rounds = 250;
/** Counts, and prints its secret in two pieces with a pause between them, so that any cut may fall inside. */
const script = `i=0; while [ $i -lt ${rounds} ]; do printf "$i hunter2"; sleep 0.005; echo "-and-more"; i=$((i+1)); done; printf hunter; exit 6`;
const expected = `${Array.from({ length: rounds }, (_, i) => `${i} [secret]\n`).join('')}hunter`;

function stateOf(chunks: readonly OutputChunk[]): OutputState {
  const last = chunks.at(-1);
  if (last === undefined) return emptyOutput;
  const kept = chunks.map(({ seq, bytes }) => ({ seq, length: bytes.length }));
  return { seq: last.seq + 1, position: last.position + last.bytes.length, raw: last.raw, kept };
}

test.each([1, 4])(
  'Q9: a node that dies after %d chunks leaves no gap, no repeat and no secret behind',
  async (most) => {
    using bench = new ExecutorBench();
    const { chunks } = bench;
    const claim = { jobId: newJobId(), fence: 3 };
    const request = containerRequest({ ...claim, command: ['sh', '-c', script] });
    const container = await docker.backend.prepare(request, new AbortController().signal);
    await container.deliver(renderSecretsFile('yaml', values));
    const { output } = await container.start();
    const dying = new OutputCollector(async (chunk) => {
      if (chunks.length >= most) throw new Error('The node is dead.');
      chunks.push(chunk);
    }, 1024 * 1024);
    await expect(copyOutput(output, partMask(maskOf(values)), dying)).rejects.toThrow('dead');

    const backend = await openDockerBackend(docker.options);
    const job = {
      id: claim.jobId,
      queue: null,
      sharesLogin: false,
      containerFence: claim.fence,
      tokenAccessor: 'a',
      options: {},
    };
    const { recorder, stop } = bench.run();
    const { outcome, output: facts } = await resume(
      { job, recorder, stop, output: stateOf(chunks) },
      { ...bench.parts(), backend },
    );
    await backend[Symbol.asyncDispose]();

    expect(bench.printed).toBe(expected);
    expect(outcome).toMatchObject({ kind: 'ended', exit: { exitCode: 6, proven: true } });
    expect(facts).toMatchObject({ stderrBytes: 0, flaw: undefined });
    expect(await docker.containers()).toEqual([]);
  },
);
