import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newSession, readSpec } from '../../src/executor/request.js';
import type { ExecutorOptions, OpenedRequest } from '../../src/executor/run.js';
import { strictPolicy } from '../../src/job/options/policy.js';
import { policiesOf } from '../../src/job/options/rules.js';
import { tarGzOf } from '../support/archives.js';
import { ExecutorBench } from '../support/executor-bench.js';

let bench: ExecutorBench;

beforeEach(() => {
  bench = new ExecutorBench();
});

afterEach(() => {
  bench[Symbol.dispose]();
});

async function read(
  given: Partial<OpenedRequest>,
  queue: string | null = null,
  options: Partial<ExecutorOptions> = {},
) {
  const run = bench.run(given, queue);
  const parts = bench.parts(options);
  const request = await run.job.open();
  await using session = newSession(run, request, parts);
  return await readSpec(request, { run, session, parts });
}

const inner = 'registry.internal:5000/tool';
const encrypted = (payload: object) => bench.secrets.encrypt(JSON.stringify(payload));
const withMetadata = async (text: string) =>
  (await tarGzOf([{ name: 'gostint.yml', body: text }])).toString('base64');

describe('an image that the operator does not allow', () => {
  test.each([
    ['of the request', async () => ({ fields: { image: inner } }), 'unspent'],
    [
      'of the content',
      async () => ({ fields: { content: await withMetadata(`container_image: ${inner}`) } }),
      'unspent',
    ],
    [
      'of an encrypted payload',
      async () => ({ fields: { image: 'a' }, ciphertext: encrypted({ image: inner }) }),
      'spent',
    ],
    [
      'of the content of a payload',
      async () => ({
        fields: {},
        ciphertext: encrypted({ content: await withMetadata(`container_image: ${inner}`) }),
      }),
      'spent',
    ],
  ])('is refused as that %s', async (_, request, credentials) => {
    await expect(read(await request())).rejects.toMatchObject({
      reason: 'image_unavailable',
      code: 'image_forbidden',
      message: expect.stringContaining('STINT_ALLOW_IMAGES'),
    });
    expect(bench.secrets.asked.includes('unwrap')).toBe(credentials === 'spent');
    expect(bench.backend.count('prepare')).toBe(0);
  });
});

describe('the spec of a request', () => {
  test('in the clear is read without touching Vault', async () => {
    const { spec } = await read({ fields: { image: 'busybox', command: ['true'] } });

    expect(spec).toMatchObject({ image: 'busybox', command: ['true'], content: undefined });
    expect(bench.secrets.asked).toEqual([]);
  });

  test('is overridden by its payload', async () => {
    const { spec } = await read({
      fields: { image: 'a', command: ['a'] },
      ciphertext: encrypted({ image: 'b' }),
    });

    expect(spec).toMatchObject({ image: 'b', command: ['a'] });
  });

  test('takes image and references from the content, which is decoded and checked', async () => {
    const content = await withMetadata('container_image: from-content\nsecret_refs: [A@b.c]\n');

    const { spec, secretRefs } = await read({ fields: { content: `targz,${content}` } });

    expect(spec.image).toBe('from-content');
    expect(Buffer.from(spec.content ?? []).toString('base64')).toBe(content);
    expect(secretRefs('secret_refs: [A@image.c, B@image.c]')).toEqual(['B@image.c', 'A@b.c']);
    expect(bench.backend.count('checkContent')).toBe(1);
  });

  test('uses the content of the payload, if there is one', async () => {
    const inline = await withMetadata('container_image: one');
    const content = await withMetadata('container_image: two');

    const { spec } = await read({ fields: { content: inline }, ciphertext: encrypted({ content }) });

    expect(spec.image).toBe('two');
  });

  test.each([
    ['Deploys', 'deploys'],
    ['', null],
    [undefined, null],
  ])('is accepted when payload and request name the same queue (%j, %j)', async (queue, requested) => {
    const ciphertext = encrypted({ image: 'a', queue });

    await expect(read({ ciphertext }, requested)).resolves.toBeDefined();
  });

  test.each([
    ['other', 'deploys'],
    ['deploys', null],
    [undefined, 'deploys'],
  ])('is refused when they do not (%j, %j): it may have been moved', async (queue, requested) => {
    const ciphertext = encrypted({ image: 'a', queue });

    await expect(read({ ciphertext }, requested)).rejects.toMatchObject({
      reason: 'payload_refused',
      code: 'queue_mismatch',
    });
  });

  test.each([
    ['payload_refused', 'payload_invalid', { ciphertext: { image: 'A', workingDirectory: 'x' } }],
    ['payload_refused', 'image_missing_in_spec', { fields: {} }],
    ['content_refused', 'content_not_base64', { fields: { image: 'a', content: '?' } }],
  ])('is refused with %s, %s where it is wrong', async (reason, code, given) => {
    const request =
      'ciphertext' in given ? { ciphertext: encrypted(given.ciphertext ?? {}) } : { fields: given.fields };

    await expect(read(request)).rejects.toMatchObject({ reason, code });
  });

  test('is refused with all problems of its payload', async () => {
    const ciphertext = encrypted({ image: 'A', workingDirectory: 'x' });

    await expect(read({ ciphertext })).rejects.toThrow(/`image`.*`workingDirectory`/);
  });
});

test('what a job asks of its container is refused where the operator of this node does not allow it', async () => {
  const fields = { image: 'busybox', options: { network: 'host' } };

  await expect(read({ fields })).rejects.toMatchObject({
    reason: 'payload_refused',
    code: 'option_forbidden',
    message: expect.stringContaining('"host"'),
  });
  expect(bench.secrets.asked).not.toContain('unwrap');
});

describe('the session of a run', () => {
  test('is none where the request has no wrapped SecretID, and a payload cannot be opened then', async () => {
    const run = bench.run({ wrappedSecretId: undefined });
    const request = { wrappedSecretId: undefined, ciphertext: encrypted({}), fields: {} };

    expect(newSession(run, await run.job.open(), bench.parts())).toBeUndefined();
    await expect(readSpec(request, { run, session: undefined, parts: bench.parts() })).rejects.toMatchObject({
      reason: 'secrets_refused',
      code: 'identity_missing',
    });
  });

  test('records spending, token and revocation', async () => {
    const run = bench.run();
    {
      await using session = newSession(run, await run.job.open(), bench.parts());
      await session?.token();
    }

    expect(bench.steps).toEqual(
      'open lookUp recorder.spending unwrap login recorder.tokenTaken revoke recorder.tokenRevoked'.split(
        ' ',
      ),
    );
  });

  test('spends nothing once the job was stopped, and records nothing', async () => {
    const run = bench.run();
    await using session = newSession(run, await run.job.open(), bench.parts());
    bench.stop.request('kill');

    await expect(session?.token()).rejects.toThrow('The job was stopped: kill.');
    expect(bench.steps).toEqual(['open', 'lookUp']);
  });
});

describe('what rules allow to a queue', () => {
  const policyFor = policiesOf(strictPolicy, [
    { queue: 'build', door: 'gostint', allows: { users: [{ uid: 0, gid: 0 }], images: [`${inner}**`] } },
  ]);
  const fields = { image: inner, options: { user: { uid: 0, gid: 0 } } };

  test('its jobs have', async () => {
    await expect(read({ fields }, 'build', { policyFor })).resolves.toMatchObject({ spec: fields });
  });

  test.each(['other', null])(
    'no job of the queue %j has, whatever it was when it was taken',
    async (queue) => {
      await expect(read({ fields }, queue, { policyFor })).rejects.toMatchObject({
        code: 'option_forbidden',
        message: expect.stringContaining('STINT_ALLOW_USERS'),
      });
      expect(bench.secrets.asked).not.toContain('unwrap');
    },
  );
});
