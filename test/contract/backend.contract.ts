import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PreparedContainer } from '../../src/executor/backend.js';
import { BrokenError, JobFailedError } from '../../src/job/errors.js';
import { tarGzOf } from '../support/archives.js';
import type { Act } from '../support/fake-container.js';
import {
  type BackendBench,
  type Bench,
  failureOf,
  lingering,
  never,
  newClaim,
  prepare,
  readAll,
  readToExit,
  readUntil,
  startJob,
} from './backend-bench.js';
import { inputRules } from './backend-input.js';
import { pipeRules } from './backend-pipes.js';
import { signalRules } from './backend-signals.js';
import { startFailureRules } from './backend-start-failures.js';
import { terminalRules } from './backend-terminal.js';

/** Runs the contract of `Backend` on what `start` returns. */
export function backendContract(name: string, start: () => Promise<BackendBench>): void {
  describe(`a backend on ${name}`, () => {
    let bench: BackendBench;

    beforeAll(async () => {
      bench = await start();
    });

    afterAll(() => bench[Symbol.asyncDispose]());

    describe('the content', () => {
      contentRules(() => bench);
    });
    describe('preparing', () => {
      preparationRules(() => bench);
    });
    describe('the order', () => {
      orderRules(() => bench);
    });
    describe('a job', () => {
      jobRules(() => bench);
    });
    describe('a command', () => {
      startFailureRules(async (act, more) => {
        await using container = await prepare(() => bench, [act], more);
        return await failureOf(startJob(container).then(readToExit));
      });
    });
    describe('the end', () => {
      endRules(() => bench);
    });
    describe('stopping', () => {
      stopRules(() => bench);
    });
    describe('a terminal', () => {
      terminalRules(() => bench);
    });
    describe('an input', () => {
      inputRules(() => bench);
    });
    describe('pipes', () => {
      pipeRules(() => bench);
    });

    describe('a signal', () => {
      signalRules(() => bench);
    });
    describe('adopting', () => {
      adoptionRules(() => bench);
      noSecretsRules(() => bench);
    });
    describe('disposing', () => {
      disposalRules(() => bench);
    });
  });
}

function contentRules(bench: Bench): void {
  test('is checked and gives the text of its metadata', async () => {
    const content = await tarGzOf([
      { name: './opt/run.sh', body: 'true' },
      { name: './gostint.yml', body: 'container_image: x\n' },
    ]);

    expect(await bench().backend.checkContent(content)).toEqual({ metadata: 'container_image: x\n' });
  });

  test('need not have metadata', async () => {
    const content = await tarGzOf([{ name: 'a/gostint.yml', body: 'container_image: x\n' }]);

    expect(await bench().backend.checkContent(content)).toEqual({ metadata: undefined });
  });

  test('is accepted as clients pack it: with an entry for the folder, absolute names, hard links, names twice', async () => {
    const content = await tarGzOf([
      { name: '', type: 'directory' },
      { name: '/opt/', type: 'directory' },
      { name: '/opt/', type: 'directory' },
      { name: '/job.yml', body: 'container_image: old\n' },
      { name: '/job.yml', body: 'container_image: x\n' },
      { name: '/gostint.yml', type: 'link', linkname: '/job.yml' },
    ]);

    expect(await bench().backend.checkContent(content)).toEqual({ metadata: 'container_image: x\n' });
    await using container = await prepare(bench, [{ exit: 3 }], { content });
    expect(await readToExit(await startJob(container))).toMatchObject({ exitCode: 3 });
  });

  test('is refused by name of the entries, also those behind the metadata', async () => {
    const content = await tarGzOf([
      { name: 'gostint.yml', body: '' },
      { name: '../out', body: 'x' },
      { name: 'dev/sda', type: 'block-device' },
    ]);

    const error = await failureOf(bench().backend.checkContent(content));

    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ reason: 'content_refused' });
    expect((error as Error).message).toMatch(/"\.\.\/out".*"dev\/sda"/);
  });

  test('that is hostile fails the preparation too and leaves nothing', async () => {
    const before = await bench().countLeft();
    const content = await tarGzOf([{ name: '../etc/shadow', body: 'x' }]);

    const error = await failureOf(prepare(bench, [], { content }));

    expect(error).toMatchObject({ reason: 'content_refused' });
    expect(await bench().countLeft()).toBe(before);
  });
}

function preparationRules(bench: Bench): void {
  test('returns container, image and the metadata of the image', async () => {
    await using plain = await prepare(bench, []);
    await using described = await prepare(bench, [], { image: bench().describedImage.image });

    expect(plain).toMatchObject({
      id: expect.stringMatching(/./),
      imageId: expect.stringMatching(/^sha256:/),
    });
    expect(plain.imageMetadata).toBeUndefined();
    expect(described.imageMetadata).toBe(bench().describedImage.metadata);
    expect(described.id).not.toBe(plain.id);
  });

  test('tells what the image says of itself behind links, too', async () => {
    await using container = await prepare(bench, [], { image: bench().linkedImage });

    expect(container.imageMetadata).toBe(bench().describedImage.metadata);
  });

  test('fails for an image that is not there and must not be pulled', async () => {
    const before = await bench().countLeft();

    const error = await failureOf(
      prepare(bench, [], { image: 'stint-test/nonesuch:1', pullPolicy: 'Never' }),
    );

    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ reason: 'image_unavailable', code: 'image_missing' });
    expect(await bench().countLeft()).toBe(before);
  });

  test('fails for arguments and variables that are together too long for the kernel', async () => {
    const before = await bench().countLeft();
    const entry = 'x'.repeat(100_000);
    const long = {
      command: Array.from({ length: 11 }, () => entry),
      env: Array.from({ length: 11 }, (_, at) => `V${at}=${entry}`),
    };

    const error = await failureOf(prepare(bench, [], long));

    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ reason: 'start_failed', code: 'arguments_too_long' });
    expect(await bench().countLeft()).toBe(before);
  });

  test('ends with the reason of a signal that has fired', async () => {
    const before = await bench().countLeft();
    const reason = new Error('killed');

    const error = await failureOf(bench().backend.prepare(bench().request([]), AbortSignal.abort(reason)));

    expect(error).toBe(reason);
    expect(await bench().countLeft()).toBe(before);
  });

  test('can be tried again later when the engine is unavailable', async () => {
    const error = await failureOf(bench().unavailable.prepare(bench().request([]), never()));

    expect(error).toBeInstanceOf(BrokenError);
    expect(error).toMatchObject({ code: 'engine_unavailable', retryable: true });
  });
}

function orderRules(bench: Bench): void {
  test('is that secrets come before the start', async () => {
    await using container = await prepare(bench, []);

    expect(await failureOf(container.start())).toBeInstanceOf(Error);
  });

  test('is that secrets come once', async () => {
    await using container = await prepare(bench, []);
    await container.deliver(Buffer.from('a'));

    expect(await failureOf(container.deliver(Buffer.from('b')))).toBeInstanceOf(Error);
  });

  test('is that a container is started once', async () => {
    await using container = await prepare(bench, lingering);
    await startJob(container);

    expect(await failureOf(container.start())).toBeInstanceOf(Error);
  });

  test('forbids a second start of the same claim, and leaves the first alone', async () => {
    const claim = newClaim();
    await using container = await prepare(bench, lingering, claim);
    const running = await startJob(container);

    const error = await failureOf(prepare(bench, [], claim));

    expect(error).toBeInstanceOf(BrokenError);
    expect(error).toMatchObject({ retryable: false });
    expect(await bench().exists(container.id)).toBe(true);
    await running.stop(5_000);
    expect(await running.wait()).toMatchObject({ exitCode: 143 });
  });

  test('lets a claim that never started be prepared anew, and then the older one cannot start', async () => {
    const claim = newClaim();
    await using older = await prepare(bench, [], claim);
    await older.deliver(Buffer.from('a'));
    await using newer = await prepare(bench, [{ exit: 4 }], claim);

    expect(await failureOf(older.start())).toBeInstanceOf(Error);
    const running = await startJob(newer);
    expect(await running.wait()).toMatchObject({ exitCode: 4 });
  });

  test('accepts a new fence for a new claim', async () => {
    const claim = newClaim();
    await using first = await prepare(bench, [], claim);
    await using second = await prepare(bench, [], { ...claim, fence: 2 });

    expect(await Promise.all([bench().exists(first.id), bench().exists(second.id)])).toEqual([true, true]);
  });
}

function jobRules(bench: Bench): void {
  test('is given its secrets as they were delivered', async () => {
    const secrets = '---\nTOKEN: "s.123"\nUMLAUT: ü€\n';
    await using container = await prepare(bench, [{ show: 'secrets' }]);

    const running = await startJob(container, secrets);

    expect(await readAll(running.output)).toEqual({ stdout: secrets, stderr: '' });
  });

  test('has every byte of both its streams read, and its exit reported with proof', async () => {
    const acts: Act[] = [{ print: 'one\n' }, { print: 'other', on: 'stderr' }, { print: 'two' }, { exit: 3 }];
    await using container = await prepare(bench, acts);

    const running = await startJob(container);
    const [output, exit] = await Promise.all([readAll(running.output), running.wait()]);

    expect(output).toEqual({ stdout: 'one\ntwo', stderr: 'other' });
    expect(exit).toEqual({ exitCode: 3, outOfMemory: false, proven: true });
  });

  test('that ends before anybody waits or reads loses nothing', async () => {
    await using container = await prepare(bench, [{ print: 'quick' }]);

    const running = await startJob(container);
    const exit = await running.wait();

    expect(exit).toMatchObject({ exitCode: 0, proven: true });
    expect(await readAll(running.output)).toMatchObject({ stdout: 'quick' });
  });

  test('that cannot be started fails for that with 127', async () => {
    await using container = await prepare(bench, [{ missing: '/nonesuch' }]);

    const error = await failureOf(startJob(container).then(readToExit));

    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ reason: 'start_failed', code: 'command_not_found', exitCode: 127 });
    expect((error as Error).message).toContain('/nonesuch');
  });

  test('that returns 127 by itself was started', async () => {
    await using container = await prepare(bench, [{ exit: 127 }]);

    const running = await startJob(container);

    expect(await readToExit(running)).toMatchObject({ exitCode: 127, proven: true });
  });

  test('does not disturb another', async () => {
    await using first = await prepare(bench, lingering);
    await using second = await prepare(bench, [{ print: 'second' }, { exit: 5 }]);
    const [one, other] = await Promise.all([startJob(first), startJob(second)]);

    expect(await readAll(other.output)).toMatchObject({ stdout: 'second' });
    expect(await other.wait()).toMatchObject({ exitCode: 5 });
    await one.stop(5_000);
    expect(await readAll(one.output)).toMatchObject({ stdout: 'ready' });
  });

  test('goes on when the signal of its preparation fires after the start', async () => {
    const stop = new AbortController();
    await using container = await bench().backend.prepare(bench().request([{ exit: 6 }]), stop.signal);
    await container.deliver(Buffer.from('x'));
    const running = await container.start();

    stop.abort(new Error('killed'));

    expect(await running.wait()).toMatchObject({ exitCode: 6 });
  });
}

function endRules(bench: Bench): void {
  test.each([137, 143, 255])(
    'of a job that returns %i itself is reported as soon as any other',
    async (exitCode) => {
      await using container = await prepare(bench, [{ print: 'bye' }, { exit: exitCode }]);
      const running = await startJob(container);
      await readAll(running.output); // Ends with the container.

      const startedAt = performance.now();
      expect(await running.wait()).toMatchObject({ exitCode, proven: true });
      expect(performance.now() - startedAt).toBeLessThan(1_500); // A busy machine, not a wait for evidence.
    },
  );
}

function stopRules(bench: Bench): void {
  test('sends SIGTERM first, is confirmed by the engine, and may be repeated', async () => {
    await using container = await prepare(bench, lingering);
    const running = await startJob(container);
    await readUntil(running.output, 'ready');

    await running.stop(20_000);
    await running.stop(20_000);

    expect(await running.wait()).toMatchObject({ exitCode: 143, proven: true });
  });

  test('kills a program that ignores the signal, after the grace', async () => {
    await using container = await prepare(bench, [{ print: 'ready' }, { linger: 'until_killed' }]);
    const running = await startJob(container);
    await readUntil(running.output, 'ready');
    const startedAt = performance.now();

    await running.stop(1_000);

    expect(performance.now() - startedAt).toBeGreaterThan(900);
    expect(await running.wait()).toMatchObject({ exitCode: 137, proven: true });
  });

  test('of a job that has ended changes nothing', async () => {
    await using container = await prepare(bench, [{ exit: 8 }]);
    const running = await startJob(container);
    await running.wait();

    await running.stop(1_000);

    expect(await running.wait()).toMatchObject({ exitCode: 8 });
  });
}

/** Of a job without a Vault identity. */
function noSecretsRules(bench: Bench): void {
  test('finds a job that never got a secrets file, and says so', async () => {
    const claim = { ...newClaim(), secretsPath: undefined };
    await using container = await prepare(bench, lingering, claim);
    await container.deliver(undefined);
    await readUntil((await container.start()).output, 'ready');

    await using adopted = await bench().backend.adopt(claim);

    expect(adopted).toMatchObject({ hasSecretsFile: false, secrets: undefined });
    await adopted?.resume({ stdout: 0, stderr: 0 }).stop(5_000);
  });
}

function adoptionRules(bench: Bench): void {
  const talking: readonly Act[] = [{ print: 'one\ntwo\n' }, { print: 'three\n', on: 'stderr' }];

  test('finds a job that runs: with its start, its secrets, and its output from a place that is named', async () => {
    const claim = newClaim();
    await using container = await prepare(bench, [...talking, { linger: 'until_told' }], claim);
    await readUntil((await startJob(container, 'TOKEN: t\n')).output, 'two');

    await using adopted = await bench().backend.adopt(claim);
    const running = adopted?.resume({ stdout: 5, stderr: 0 });
    const output = readAll(running?.output ?? nothing());
    await running?.stop(20_000);

    expect(adopted).toMatchObject({ id: container.id, hasEnded: false, tty: false });
    expect(adopted?.ranMs).toBeGreaterThanOrEqual(0);
    expect(adopted?.ranMs).toBeLessThan(60_000);
    expect(adopted?.hasSecretsFile).toBe(true);
    expect(Buffer.from(adopted?.secrets ?? []).toString()).toBe('TOKEN: t\n');
    expect(await output).toEqual({ stdout: 'wo\n', stderr: 'three\n' });
    expect(await running?.wait()).toEqual({ exitCode: 143, outOfMemory: false, proven: true });
  });

  test('finds a job that ended meanwhile: its own exit, and the rest of its output', async () => {
    const claim = newClaim();
    await using container = await prepare(bench, [...talking, { print: 'end' }, { exit: 3 }], claim);
    await (await startJob(container)).wait();

    await using adopted = await bench().backend.adopt(claim);
    const running = adopted?.resume({ stdout: 8, stderr: 6 });

    expect(adopted).toMatchObject({ id: container.id, hasEnded: true });
    expect(await running?.wait()).toEqual({ exitCode: 3, outOfMemory: false, proven: true });
    expect(await readAll(running?.output ?? nothing())).toEqual({ stdout: 'end', stderr: '' });
  });

  test('finds nothing of a job that was never there, or of another claim', async () => {
    const claim = newClaim();
    await using container = await prepare(bench, lingering, claim);
    await startJob(container);

    expect(await bench().backend.adopt(newClaim())).toBeUndefined();
    expect(await bench().backend.adopt({ ...claim, fence: 2 })).toBeUndefined();
  });

  test('finds nothing of a job whose container was removed', async () => {
    const claim = newClaim();
    const container = await prepare(bench, lingering, claim);
    await startJob(container);
    await container[Symbol.asyncDispose]();

    expect(await bench().backend.adopt(claim)).toBeUndefined();
  });

  test('does not start what never started: it is removed', async () => {
    const claim = newClaim();
    await using container = await prepare(bench, [{ exit: 0 }], claim);
    await container.deliver(Buffer.from('x'));

    expect(await bench().backend.adopt(claim)).toBeUndefined();
    expect(await bench().exists(container.id)).toBe(false);
  });

  test('ends with the removal, which may be repeated', async () => {
    const claim = newClaim();
    await using container = await prepare(bench, lingering, claim);
    await startJob(container);
    const adopted = await bench().backend.adopt(claim);

    await adopted?.[Symbol.asyncDispose]();
    await adopted?.[Symbol.asyncDispose]();

    expect(adopted).toBeDefined();
    expect(await bench().exists(container.id)).toBe(false);
  });
}

async function* nothing(): AsyncGenerator<never> {
  // For a container that was not found: the expectations fail.
}

function disposalRules(bench: Bench): void {
  const states: [string, (container: PreparedContainer) => Promise<unknown>][] = [
    ['prepared', async () => undefined],
    ['delivered', (container) => container.deliver(Buffer.from('x'))],
    ['running', (container) => startJob(container)],
  ];

  test.each(states)('leaves nothing of a container that is %s, and may be repeated', async (_, bring) => {
    const before = await bench().countLeft();
    const container = await prepare(bench, lingering);
    await bring(container);
    expect(await bench().exists(container.id)).toBe(true);

    await Promise.all([container[Symbol.asyncDispose](), container[Symbol.asyncDispose]()]);
    await container[Symbol.asyncDispose]();

    expect(await bench().exists(container.id)).toBe(false);
    expect(await bench().countLeft()).toBe(before);
  });

  test('leaves nothing of a container that has ended', async () => {
    const before = await bench().countLeft();
    const container = await prepare(bench, [{ exit: 1 }]);
    const running = await startJob(container);
    await running.wait();

    await container[Symbol.asyncDispose]();

    expect(await bench().countLeft()).toBe(before);
  });
}
