import { describe, expect, test } from 'vitest';
import { BrokenError } from '../../src/job/errors.js';
import { backendContract } from '../contract/backend.contract.js';
import { type BackendBench, newClaim } from '../contract/backend-bench.js';
import { containerRequest } from '../support/container-request.js';
import { FakeBackend } from '../support/fake-backend.js';
import type { Act } from '../support/fake-container.js';

async function startFakeBench(): Promise<BackendBench> {
  const backend = new FakeBackend();
  const unavailable = new FakeBackend();
  unavailable.isUnavailable = true;
  backend.missingImages.add('stint-test/nonesuch:1');
  for (const image of ['described:1', 'linked:1']) backend.imageMetadata.set(image, 'secret_refs: []\n');
  return {
    backend,
    unavailable,
    describedImage: { image: 'described:1', metadata: 'secret_refs: []\n' },
    linkedImage: 'linked:1',
    request: (acts, more) => {
      const request = containerRequest({ ...newClaim(), ...more });
      backend.runs(acts, request.jobId);
      return request;
    },
    exists: async (id) => backend.left.includes(id),
    countLeft: async () => backend.left.length,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

backendContract('a fake engine', startFakeBench);

async function startProgram(backend: FakeBackend, acts: readonly Act[]) {
  backend.runs(acts);
  const container = await backend.prepare(containerRequest(newClaim()), new AbortController().signal);
  await container.deliver(Buffer.from('x'));
  return await container.start();
}

describe('FakeBackend', () => {
  test('fails a step once on request', async () => {
    const backend = new FakeBackend();
    const error = new BrokenError('engine_unavailable', 'away');
    backend.fail('start', error);

    await expect(startProgram(backend, [])).rejects.toBe(error);
    await expect(startProgram(backend, [])).resolves.toBeDefined();
    expect(backend.count('start')).toBe(2);
  });

  test('blocks a step until it is released', async () => {
    const backend = new FakeBackend();
    const hold = backend.hold('prepare');
    let isPrepared = false;

    const preparing = backend
      .prepare(containerRequest(newClaim()), new AbortController().signal)
      .then(() => (isPrepared = true));
    await hold.reached;

    expect(isPrepared).toBe(false);
    hold.release();
    await expect(preparing).resolves.toBe(true);
  });

  test('lets the signal end a blocked preparation', async () => {
    const backend = new FakeBackend();
    const stop = new AbortController();
    const hold = backend.hold('prepare');

    const preparing = backend.prepare(containerRequest(newClaim()), stop.signal);
    void hold.reached.then(() => stop.abort(new Error('killed')));

    await expect(preparing).rejects.toThrow('killed');
    expect(backend.left).toEqual([]);
    hold.release();
  });

  test('can lose a container', async () => {
    const running = await startProgram(new FakeBackend(), [{ print: 'a' }, { vanish: true }]);

    await expect(running.wait()).rejects.toBeInstanceOf(BrokenError);
    const reading = (async () => {
      for await (const _ of running.output);
    })();
    await expect(reading).rejects.toBeInstanceOf(BrokenError);
  });

  test('can break the output while the program continues', async () => {
    const running = await startProgram(new FakeBackend(), [{ breakOutput: true }, { exit: 9 }]);

    const reading = (async () => {
      for await (const _ of running.output);
    })();
    await expect(reading).rejects.toBeInstanceOf(BrokenError);
    expect(await running.wait()).toEqual({ exitCode: 9, outOfMemory: false, proven: true });
  });
});
