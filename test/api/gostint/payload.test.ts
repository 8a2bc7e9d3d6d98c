import { describe, expect, test } from 'vitest';
import { parsePayload } from '../../../src/api/gostint/payload.js';
import { JobFailedError } from '../../../src/job/errors.js';

test('every field of a payload gets its place in the model', async () => {
  const fields = await parsePayload(
    JSON.stringify({
      qname: 'Nightly',
      container_image: 'alpine:3.20',
      image_pull_policy: 'Always',
      content: 'targz,H4sI',
      entrypoint: ['sh'],
      run: ['-c', 'echo'],
      working_directory: '/tmp',
      env_vars: ['STAGE=night'],
      secret_refs: ['db@kv/data/db.password'],
      secret_file_type: 'json',
      cont_on_warnings: true,
      tty: false,
      init: false,
    }),
  );

  expect(fields).toEqual({
    queue: 'Nightly',
    image: 'alpine:3.20',
    pullPolicy: 'Always',
    content: 'targz,H4sI',
    entrypoint: ['sh'],
    command: ['-c', 'echo'],
    workingDirectory: '/tmp',
    env: ['STAGE=night'],
    secretRefs: ['db@kv/data/db.password'],
    secretFileType: 'json',
    continueOnWarnings: true,
    tty: false,
    init: false,
  });
});

test.each([
  [
    '{"Run":["a"],"CONTAINER_IMAGE":"alpine","secret_Ref\u017f":[]}',
    { command: ['a'], image: 'alpine', secretRefs: [] },
  ],
  ['{"\u212aey":1,"run_":["a"]}', {}],
])('the names of fields are matched as the decoder of Go does: %s', async (json, fields) => {
  expect(await parsePayload(json)).toEqual(fields);
});

test('what Go writes for fields that were not set counts as not given', async () => {
  const json =
    '{"run":null,"entrypoint":null,"image_pull_policy":"","secret_file_type":"","tty":null,"qname":""}';

  expect(await parsePayload(json)).toEqual({ queue: '' });
});

test('unknown fields and results of a job are dropped, prototypes too', async () => {
  const json =
    '{"_id":1,"status":{},"output":[],"container_id":7,"kill_requested":"x","__proto__":{"qname":"evil"},"constructor":1,"future":[[1]]}';

  expect(await parsePayload(json)).toEqual({});
  expect(Object.prototype).not.toHaveProperty('qname');
});

describe('a payload is refused', () => {
  test.each([
    ['', 'Expected the payload to be JSON, got nothing.'],
    ['[]', 'Expected the payload to be a JSON object, got a list.'],
    ['{"run":"ls"}', 'Expected `run` to be a list of texts, got a text.'],
    ['{"run":["ls",7]}', 'Expected entry 2 of `run` to be a text, got a number.'],
    ['{"env_vars":["STAGE"]}', 'Expected entry 1 of `env_vars` to be `NAME=value`, got no `=`.'],
    [
      '{"image_pull_policy":"Sometimes"}',
      'Expected `image_pull_policy` to be `Always`, `IfNotPresent` or `Never`, got "Sometimes".',
    ],
    ['{"run":["a"],"Run":["b"]}', 'Expected `run` once, got it twice: "Run" means the same.'],
    ['{"qname":"a","qname":"b"}', 'Expected the payload to name each field once, got "qname" twice.'],
  ])('%s', async (json, message) => {
    await expect(parsePayload(json)).rejects.toThrow(
      expect.objectContaining({ reason: 'payload_refused', code: 'payload_invalid', message }),
    );
  });

  test('without a word of what it holds', async () => {
    const canary = 'hvs.CANARY';
    for (const json of [
      `{"${canary}`,
      `{"env_vars":["${canary}"]}`,
      `{"run":{"a":"${canary}"}}`,
      `"${canary}"`,
    ]) {
      const error = await failureOf(json);

      expect(error).toBeInstanceOf(JobFailedError);
      expect(String(error)).not.toContain('CANARY');
    }
  });

  test('naming five of as many wrong entries as there may be', async () => {
    const error = await failureOf(`{"run":[${'0,'.repeat(28_000)}0]}`);

    expect(String(error)).toMatch(/entry 5 of `run` to be a text, got a number\. There are more\.$/);
  });

  test('naming five of many problems', async () => {
    const error = await failureOf(JSON.stringify({ env_vars: Array.from({ length: 30 }, () => 'x') }));

    expect(String(error)).toMatch(/entry 5 of `env_vars`.*There are more\.$/);
  });
});

async function failureOf(json: string): Promise<unknown> {
  try {
    return await parsePayload(json);
  } catch (error) {
    return error;
  }
}
