import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliverSecrets, prepareContainer } from '../../src/executor/container.js';
import { newSession, readSpec } from '../../src/executor/request.js';
import type { ExecutorOptions, OpenedRequest } from '../../src/executor/run.js';
import { FencedError } from '../../src/job/errors.js';
import type { SpecFields } from '../../src/job/job.js';
import { benchJobId, ExecutorBench } from '../support/executor-bench.js';

let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
  bench.secrets.setSecret('kv/app', { data: { a: 'one-value', b: { c: 1 } } });
});

afterEach(() => {
  bench[Symbol.dispose]();
});

/** Everything up to the secrets file; the caller sees the container before it is gone. */
async function prepared<T>(
  fields: SpecFields,
  options: Partial<ExecutorOptions>,
  look: (
    using: Parameters<typeof deliverSecrets>[1],
    run: Parameters<typeof deliverSecrets>[0],
  ) => Promise<T>,
  identity: Pick<Partial<OpenedRequest>, 'wrappedSecretId'> = {},
): Promise<T> {
  const run = bench.run({ ...identity, fields: { image: 'busybox', ...fields } }, 'deploys');
  const parts = bench.parts(options);
  const request = await run.job.open();
  await using session = newSession(run, request, parts);
  const spec = await readSpec(request, { run, session, parts });
  await using container = await prepareContainer(run, { spec, session, parts });
  return await look({ request, spec, session, container }, run);
}

const nothing = async () => undefined;

describe('the container of a job', () => {
  test('is requested with the whole spec, under the name of job and fence', async () => {
    await prepared(
      {
        pullPolicy: 'Never',
        entrypoint: ['/e'],
        command: ['c'],
        workingDirectory: '/w',
        tty: true,
        secretFileType: 'json',
      },
      {},
      nothing,
    );

    expect(bench.backend.requests[0]).toMatchObject({
      jobId: benchJobId,
      fence: 7,
      queue: 'deploys',
      image: 'busybox',
      pullPolicy: 'Never',
      entrypoint: ['/e'],
      command: ['c'],
      workingDirectory: '/w',
      tty: true,
      content: undefined,
      secretsPath: '/secrets.json',
    });
  });

  test('gets the variables of the server last, so that a request cannot point it at another Vault', async () => {
    await prepared(
      { env: ['VAULT_ADDR=http://evil', 'A=1'] },
      { env: ['VAULT_ADDR=https://vault'] },
      nothing,
    );

    expect(bench.backend.requests[0]?.env).toEqual([
      'VAULT_ADDR=http://evil',
      'A=1',
      'VAULT_ADDR=https://vault',
    ]);
  });

  test('has no token in its variables, and none is requested for it', async () => {
    await prepared({}, {}, nothing);

    expect(JSON.stringify(bench.backend.requests)).not.toContain('VAULT_TOKEN');
    expect(bench.secrets.count('unwrap')).toBe(0);
  });

  test('has the token there when the operator sets it', async () => {
    await prepared({ env: ['VAULT_TOKEN=mine'] }, { tokenInEnv: true }, async ({ session }) => {
      const token = (await session?.token())?.reveal();
      expect(bench.backend.requests[0]?.env).toEqual(['VAULT_TOKEN=mine', `VAULT_TOKEN=${token}`]);
    });
  });
});

describe('the end of a preparation', () => {
  test('removes the container when it cannot be recorded', async () => {
    bench.at('recorder.prepared', () => {
      throw new FencedError('Not ours.');
    });

    await expect(prepared({}, {}, nothing)).rejects.toThrow(FencedError);
    expect(bench.steps).toContain('dispose');
    expect(bench.backend.left).toEqual([]);
  });

  test('comes before it begins when the job was stopped', async () => {
    bench.stop.request('kill');

    await expect(prepared({}, {}, nothing)).rejects.toThrow('The job was stopped: kill.');
    expect(bench.steps).not.toContain('prepare');
  });

  test('comes while an image is pulled when the job is stopped', async () => {
    const hold = bench.backend.hold('prepare');
    const preparing = prepared({}, {}, nothing);
    await hold.reached;

    bench.stop.request('kill');

    await expect(preparing).rejects.toThrow('The job was stopped: kill.');
    hold.release();
    expect(bench.backend.left).toEqual([]);
  });
});

describe('the secrets of a job', () => {
  test('are those of its references and its token, in the file and to be masked', async () => {
    const secretRefs = ['A@kv/app.a', 'B@kv/app.b'];

    const masked = await prepared({ secretRefs }, {}, (using, run) => deliverSecrets(run, using));

    expect([...masked.keys()].toSorted()).toEqual(['A', 'B', 'TOKEN', 'the own token']);
    const token = masked.get('TOKEN')?.reveal() ?? 'none';
    expect(bench.backend.delivered.get(benchJobId)).toBe(
      `---\n# gostint vault secrets injected:\nA: one-value\nB: "{\\"c\\":1}"\nTOKEN: ${token}\n`,
    );
  });

  test('include the references of the image, which the payload overrides', async () => {
    bench.backend.imageMetadata.set('busybox', 'secret_refs: [A@kv/image.a, C@kv/image.c]');
    bench.secrets.setSecret('kv/image', { data: { c: 'from-image' } });
    const secretRefs = ['A@kv/app.a'];
    const run = bench.run({
      ciphertext: bench.secrets.encrypt(JSON.stringify({ image: 'busybox', secretRefs })),
    });
    const parts = bench.parts();
    const request = await run.job.open();
    await using session = newSession(run, request, parts);
    const spec = await readSpec(request, { run, session, parts });
    await using container = await prepareContainer(run, { spec, session, parts });

    const masked = await deliverSecrets(run, { request, spec, session, container });

    expect(masked.get('A')?.reveal()).toBe('one-value');
    expect(masked.get('C')?.reveal()).toBe('from-image');
  });

  test('leave out the references of the image where the operator says so, whatever they are', async () => {
    bench.backend.imageMetadata.set('busybox', 'secret_refs: [nonsense');
    const run = bench.run({ fields: { image: 'busybox', secretRefs: ['A@kv/app.a'] } });
    const parts = bench.parts({ imageSecretRefs: false });
    const request = await run.job.open();
    await using session = newSession(run, request, parts);
    const spec = await readSpec(request, { run, session, parts });
    await using container = await prepareContainer(run, { spec, session, parts });

    const masked = await deliverSecrets(run, { request, spec, session, container });

    expect([...masked.keys()].toSorted()).toEqual(['A', 'TOKEN', 'the own token']);
  });

  test('come as JSON when the request asks for it', async () => {
    const spec = { secretRefs: ['A@kv/app.a'], secretFileType: 'json' } as const;

    await prepared(spec, {}, (using, run) => deliverSecrets(run, using));

    expect(JSON.parse(bench.backend.delivered.get(benchJobId) ?? '')).toMatchObject({ A: 'one-value' });
  });

  test('may be called TOKEN: that one is in the file then, and the real token is masked all the same', async () => {
    await prepared({ secretRefs: ['TOKEN@kv/app.a'] }, {}, async (using, run) => {
      const masked = await deliverSecrets(run, using);
      const token = await using.session?.token();

      expect([...masked.values()].map((secret) => secret.reveal()).toSorted()).toEqual(
        ['one-value', token?.reveal()].toSorted(),
      );
      expect(bench.backend.delivered.get(benchJobId)).toContain('\nTOKEN: one-value\n');
    });
  });
});

describe('the delivery of secrets', () => {
  test('is refused on warnings, unless the job continues on warnings', async () => {
    bench.secrets.setSecret('kv/app', { data: { a: 'one-value' }, warnings: ['old'] });
    const secretRefs = ['A@kv/app.a'];

    await expect(
      prepared({ secretRefs }, {}, (using, run) => deliverSecrets(run, using)),
    ).rejects.toMatchObject({
      reason: 'secrets_refused',
    });
    await prepared({ secretRefs, continueOnWarnings: true }, {}, (using, run) => deliverSecrets(run, using));
    expect(bench.backend.delivered.size).toBe(1);
  });

  test('does not happen once the job was stopped', async () => {
    const secretRefs = ['A@kv/app.a'];
    bench.at('recorder.tokenTaken', () => bench.stop.request('kill'));

    await expect(prepared({ secretRefs }, {}, (using, run) => deliverSecrets(run, using))).rejects.toThrow(
      'kill',
    );
    expect(bench.steps).not.toContain('deliver');
  });
});

describe('a job without a Vault identity', () => {
  const without = { wrappedSecretId: undefined };
  const server = { env: ['VAULT_ADDR=https://vault'], tokenInEnv: true };

  test('gets no variables of Vault and no secrets file, and asks Vault for nothing', async () => {
    const masked = await prepared(
      { env: ['A=1'] },
      server,
      (using, run) => deliverSecrets(run, using),
      without,
    );

    expect([...masked.keys()]).toEqual([]);
    expect(bench.backend.requests[0]).toMatchObject({ env: ['A=1'], secretsPath: undefined });
    expect(bench.backend.delivered.size).toBe(0);
    expect(bench.secrets.asked).toEqual([]);
    expect(bench.steps).toContain('deliver');
  });

  test.each([
    ['the request', { secretRefs: ['A@kv/app.a'] }, ''],
    ['the image', {}, 'secret_refs: [A@kv/app.a]'],
  ])('fails when %s asks for secrets', async (_, fields, metadata) => {
    bench.backend.imageMetadata.set('busybox', metadata);

    const delivering = prepared(fields, server, (using, run) => deliverSecrets(run, using), without);

    await expect(delivering).rejects.toMatchObject({ reason: 'secrets_refused', code: 'identity_missing' });
    expect(bench.backend.left).toEqual([]);
  });
});

test('C9: references of all layers together are bounded, before any is read', async () => {
  const secretRefs = Array.from({ length: 501 }, (_, i) => `V${i}@kv/app.a`);

  await expect(
    prepared({ secretRefs }, {}, (using, run) => deliverSecrets(run, using)),
  ).rejects.toMatchObject({ reason: 'secrets_refused', code: 'too_many_references' });

  expect(bench.secrets.count('read')).toBe(0);
});
