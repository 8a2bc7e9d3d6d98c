import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type DockerBackend, openDockerBackend } from '../../src/docker/backend.js';
import type {
  AdoptedContainer,
  OutputPart,
  RunningContainer,
  StreamPositions,
} from '../../src/executor/backend.js';
import { containerRequest } from '../support/container-request.js';
import { type DockerBench, openDockerBench, readJob } from '../support/docker-bench.js';
import { rigPart } from '../support/rig-part.js';
import { openTcpRelay, type TcpRelay } from '../support/tcp-relay.js';

const { dockerHost, socketPath } = await rigPart('engine');
let bench: DockerBench;
/** The next process of the node: the same key and the same id. */
let next: DockerBackend;

beforeAll(async () => {
  bench = await openDockerBench(dockerHost);
  next = await openDockerBackend(bench.options);
});

afterAll(async () => {
  await next[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

const nothingRead: StreamPositions = { stdout: 0, stderr: 0 };

interface Started {
  readonly claim: { readonly jobId: string; readonly fence: number };
  readonly id: string;
  readonly running: RunningContainer;
  touch(path: string): Promise<void>;
}

/** Starts a job in the first process of the node, and leaves it running. */
async function startJob(
  script: string,
  more: { tty?: boolean; backend?: DockerBackend } = {},
): Promise<Started> {
  const { tty = false, backend = bench.backend } = more;
  const claim = { jobId: randomUUID(), fence: 1 };
  const request = containerRequest({ ...claim, tty, command: ['sh', '-c', script] });
  const container = await backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: t\n'));
  const running = await container.start();
  return { claim, id: container.id, running, touch: (path) => touch(container.id, path) };
}

async function touch(id: string, path: string): Promise<void> {
  const exec = await bench.docker.getContainer(id).exec({ Cmd: ['touch', path], User: '2001' });
  const stream = await exec.start({});
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
}

async function adopt({ claim }: Started, backend = next): Promise<AdoptedContainer> {
  const adopted = await backend.adopt(claim);
  if (adopted === undefined) throw new Error('Expected the container to be found, got none.');
  return adopted;
}

/** Reads so many bytes of stdout and closes the stream, as a dying process does. */
async function readSome(output: AsyncIterable<OutputPart>, bytes: number): Promise<Buffer> {
  const seen: Uint8Array[] = [];
  let length = 0;
  for await (const part of output) {
    seen.push(Uint8Array.from(part.bytes));
    length += part.bytes.length;
    if (length >= bytes) break;
  }
  return Buffer.concat(seen).subarray(0, bytes);
}

describe('Q9: the output of an adopted job', () => {
  test('has no gap and no repeat, though it was adopted twice', async () => {
    const started = await startJob(
      'i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); sleep 0.005; done; exit 4',
    );
    const expected = Array.from({ length: 300 }, (_, i) => `line ${i}\n`).join('');

    const first = await readSome(started.running.output, expected.length / 3);
    const second = await readSome(
      (await adopt(started)).resume({ stdout: first.length, stderr: 0 }).output,
      1_000,
    );
    await using adopted = await adopt(started);
    const rest = await readJob(adopted.resume({ stdout: first.length + second.length, stderr: 0 }));

    expect(Buffer.concat([first, second, rest.stdout]).toString()).toBe(expected);
    expect(rest.exit).toEqual({ exitCode: 4, outOfMemory: false, proven: true });
  });

  test('arrives while the job runs', async () => {
    const started = await startJob('echo one; sleep 60');
    await using adopted = await adopt(started);
    const running = adopted.resume(nothingRead);

    expect((await readSome(running.output, 4)).toString()).toBe('one\n');
    await running.stop(100);
    expect(await running.wait()).toMatchObject({ exitCode: 143, proven: true });
  });
});

const lengths = [1, 16_382, 16_383, 16_384, 16_385, 20_000, 32_768, 49_152, 50_001];
const line = (length: number, letter: string) => `${letter.repeat(length)}\n`;
const print = (letter: string) =>
  lengths.map((length) => `head -c ${length} /dev/zero | tr '\\0' ${letter}; echo`).join('; ');

const text = (letter: string) => lengths.map((length) => line(length, letter)).join('');

describe('Q9: lines of any length', () => {
  test.each([0, 1, 16_385, 16_386, 40_000, 49_153, 70_000])(
    'come out exactly, from byte %d on',
    async (from) => {
      const started = await startJob(
        `{ ${print('a')}; } & wait; { ${print('e')}; } >&2; until test -e /tmp/go; do sleep 0.02; done; ${print('b')}; printf end; echo end >&2`,
      );
      const early = await readSome(started.running.output, from);
      await using adopted = await adopt(started);
      const reading = readJob(adopted.resume({ stdout: early.length, stderr: 0 }));
      await started.touch('/tmp/go');

      const { stdout, stderr, exit } = await reading;

      expect(stdout.equals(Buffer.from(`${text('a')}${text('b')}end`.slice(from)))).toBe(true);
      expect(stderr.equals(Buffer.from(`${text('e')}end\n`))).toBe(true);
      expect(exit.exitCode).toBe(0);
    },
  );
});

describe('Q9: the output of an adopted job that is not plain text', () => {
  test('is exact when it is binary', async () => {
    const binary = (await readFile('/bin/busybox')).subarray(0, 300_000);
    const started = await startJob('head -c 300000 /bin/busybox; until test -e /tmp/go; do sleep 0.02; done');
    await using adopted = await adopt(started);
    const early = await readSome(started.running.output, 100_001);
    const reading = readJob(adopted.resume({ stdout: early.length, stderr: 0 }));
    await started.touch('/tmp/go');

    const { stdout } = await reading;

    expect(Buffer.concat([early, stdout]).equals(binary)).toBe(true);
  });

  test('continues after an unfinished line that was seen before the log had it', async () => {
    const started = await startJob(
      'printf "name? "; until test -e /tmp/go; do sleep 0.02; done; echo Ann; printf bye',
    );
    const early = await readSome(started.running.output, 6);
    await using adopted = await adopt(started);
    const reading = readJob(adopted.resume({ stdout: 6, stderr: 0 }));
    await started.touch('/tmp/go');

    expect(early.toString()).toBe('name? ');
    expect((await reading).stdout.toString()).toBe('Ann\nbye');
  });

  test('of a terminal continues at its byte', async () => {
    const started = await startJob(
      'echo one; until test -e /tmp/go; do sleep 0.02; done; echo two; printf end',
      { tty: true },
    );
    await readSome(started.running.output, 4);
    await using adopted = await adopt(started);
    const reading = readJob(adopted.resume({ stdout: 4, stderr: 0 }));
    await started.touch('/tmp/go');

    expect(adopted.tty).toBe(true);
    expect((await reading).stdout.toString()).toBe('\ntwo\r\nend');
  });
});

describe('Q9: an output that may be wrong', () => {
  test('throws when a terminal had lines that the log splits', async () => {
    const started = await startJob(`head -c 20000 /dev/zero | tr '\\0' a; echo; echo after`, { tty: true });
    await started.running.wait();
    await using adopted = await adopt(started);

    await expect(readJob(adopted.resume(nothingRead))).rejects.toMatchObject({
      text: 'its log drops the ends of long lines',
    });
  });

  test('throws when more was seen than the log contains', async () => {
    const started = await startJob('echo one');
    await started.running.wait();
    await using adopted = await adopt(started);

    await expect(readJob(adopted.resume({ stdout: 5, stderr: 0 }))).rejects.toMatchObject({
      text: 'its log lacks some of it',
    });
  });

  test('throws when it is unknown whether its last line, a long one, was ended', async () => {
    const started = await startJob(`head -c 20000 /dev/zero | tr '\\0' a`);
    await started.running.wait();
    await using adopted = await adopt(started);

    await expect(readJob(adopted.resume(nothingRead))).rejects.toMatchObject({
      text: 'its log drops the ends of long lines',
    });
  });

  test('is complete when the end of its last line, a long one, was seen before', async () => {
    const started = await startJob(`head -c 20000 /dev/zero | tr '\\0' a; echo`);
    await started.running.wait();
    await using adopted = await adopt(started);

    const { stdout } = await readJob(adopted.resume({ stdout: 20_001, stderr: 0 }));

    expect(stdout.length).toBe(0);
  });
});

describe('E1: who bears the name of a job’s container', () => {
  test('is neither adopted nor removed without the tag that only we can compute', async () => {
    const started = await startJob('sleep 60');
    const { Name, Config } = await bench.docker.getContainer(started.id).inspect();
    await bench.docker.getContainer(started.id).remove({ force: true });
    const Labels = { ...Config.Labels, 'stint.tag': 'f'.repeat(64) };
    const foreign = await bench.docker.createContainer({
      name: Name.slice(1),
      Image: 'busybox:latest',
      Cmd: ['sleep', '60'],
      Labels,
    });
    await foreign.start();

    expect(await next.adopt(started.claim)).toBeUndefined();

    expect((await foreign.inspect()).State.Running).toBe(true);
    await foreign.remove({ force: true });
  });
});

describe('the secrets of an adopted job', () => {
  test('are read through the job’s process, though their file no longer has a path on this host', async () => {
    const started = await startJob('sleep 60');
    await using adopted = await adopt(started);

    expect(await bench.hostFiles()).toEqual([]);
    expect(Buffer.from(adopted.secrets ?? []).toString()).toBe('TOKEN: t\n');
  });

  test('are unknown once the job’s processes have ended', async () => {
    const started = await startJob('true');
    await started.running.wait();
    await using adopted = await adopt(started);

    expect(adopted.hasEnded).toBe(true);
    expect(adopted.secrets).toBeUndefined();
  });

  describe('on a remote engine', () => {
    let door: TcpRelay;
    let remote: DockerBench;

    beforeAll(async () => {
      if (socketPath === undefined) throw new Error('Expected an engine with a socket.');
      door = await openTcpRelay(socketPath);
      remote = await openDockerBench(`tcp://127.0.0.1:${door.port}`);
    });

    afterAll(async () => {
      await remote[Symbol.asyncDispose]();
      await door[Symbol.asyncDispose]();
    });

    test.each(['sleep 60', 'true'])('are read from the container’s own layer, after `%s`', async (script) => {
      const started = await startJob(script, remote);
      if (script === 'true') await started.running.wait();

      await using adopted = await adopt(started, remote.backend);

      expect(Buffer.from(adopted.secrets ?? []).toString()).toBe('TOKEN: t\n');
    });
  });
});

test('leftovers are removed, but not the container of a job that is adopted or to be adopted', async () => {
  await using own = await openDockerBench(dockerHost);
  const backend = own.backend;
  const [left, kept, adopted] = await Promise.all([1, 2, 3].map(() => startJob('sleep 60', { backend })));
  const after = await openDockerBackend(own.options);
  await after.adopt(adopted?.claim ?? { jobId: '', fence: 0 });

  expect(await after.removeLeftovers((jobId) => jobId === kept?.claim.jobId)).toBe(1);

  await vi.waitFor(async () => expect(await own.containers()).not.toContain(left?.id));
  expect((await own.containers()).toSorted()).toEqual([kept?.id, adopted?.id].toSorted());
  await after[Symbol.asyncDispose]();
});
