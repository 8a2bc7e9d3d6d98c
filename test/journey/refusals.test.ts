import { afterAll, describe, expect, test } from 'vitest';
import type { AnsweredJob } from '../../demo/gostint-client.js';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { tarGzOf } from '../support/archives.js';
import { holding } from './holding.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const on = await startStintOnRig({ STINT_ALLOW_IMAGES: 'public,127.0.0.1:1/**' });
const { client } = on;
afterAll(() => on[Symbol.asyncDispose]());

const operator = new VaultOperator(on.vault);

/** A job that failed before it could run, with these texts in its output. */
function failure(...texts: readonly string[]): object {
  return {
    status: 'failed',
    return_code: 125,
    stderr: '',
    kill_requested: false,
    output: holding(...texts),
  };
}

function readSecrets(...secret_refs: readonly string[]): Promise<AnsweredJob> {
  return on.run({ secret_refs, run: ['true'] });
}

describe('a secret', () => {
  test('that the job may not read is named with the missing capability and the policy that gives it', async () => {
    expect(await readSecrets('mine@kv/data/others/x.key')).toMatchObject(
      failure(
        'Could not read `kv/data/others/x` for the variable `mine`',
        'lacks the capability `read`',
        'path "kv/data/others/x" { capabilities = ["read"] }',
      ),
    );
  });

  test('whose path lacks the `data/` of KV 2 is shown the right path', async () => {
    expect(await readSecrets('mine@kv/demo/db.password')).toMatchObject(
      failure('`kv/demo/db`', 'In version 2', '`kv/data/demo/db`'),
    );
  });

  test.each(['kv/data/demo', 'kv1/demo'])('that is not there is named (%s)', async (folder) => {
    const path = `${folder}/${uniqueName()}`;

    expect(await readSecrets(`mine@${path}.key`)).toMatchObject(
      failure(`Could not read \`${path}\` for the variable \`mine\``, 'there is nothing'),
    );
  });

  test('without the key that was asked for is named with the key', async () => {
    expect(await readSecrets('mine@kv/data/demo/db.nokey')).toMatchObject(
      failure('in the secret `kv/data/demo/db` the key `nokey` for the variable `mine`'),
    );
  });

  test('whose newest version is deleted gets another message than a missing one', async () => {
    const path = await operator.writeSecret('kv/data', { a: '1' });
    await operator.ask('DELETE', path);

    expect(await readSecrets(`mine@${path}.a`)).toMatchObject(
      failure(path, 'the newest version of this secret, version 1', 'was deleted at 20'),
    );
  });

  test('that is wrong beside another wrong one is named together with it', async () => {
    expect(await readSecrets('a@kv1/others/x.key', 'b@kv1/demo/app.nokey')).toMatchObject(
      failure('kv1/others/x', '`nokey`'),
    );
  });

  test('whose reference is malformed is named by its place in the list', async () => {
    expect(await readSecrets('a@kv1/demo/app.greeting', 'a@b.c.d')).toMatchObject(
      failure('entry 2 of `secret_refs`', '"a@b.c.d"'),
    );
  });
});

/** A stint whose jobs read from a secrets engine with leases. A lease of ten years, which Vault shortens, gives a warning. */
async function startWithWarnings() {
  const mount = uniqueName();
  const options = { version: '1', leased_passthrough: 'true' };
  await operator.write(`sys/mounts/${mount}`, { type: 'kv', options });
  await operator.write(`${mount}/x`, { password: 'CANARY-warned', ttl: 324_000_000 });
  const policy = `path "${mount}/*" { capabilities = ["read"] }`;
  await operator.write(`sys/policies/acl/${mount}`, { policy });
  const { name, roleId } = await operator.makeRole({ token_policies: [mount] });
  const stint = await startStintOnRig({ STINT_APPROLE_NAME: name, STINT_APPROLE_ID: roleId });
  const runWith = async (cont_on_warnings: boolean) => {
    const { _id: id } = await stint.client.post({
      wrap_secret_id: await operator.wrapSecretId(name),
      container_image: image,
      secret_refs: [`mine@${mount}/x.password`],
      run: ['grep', '-c', 'CANARY', '/secrets.yml'],
      cont_on_warnings,
    });
    return stint.client.wait(id);
  };
  return { ...stint, runWith };
}

test('a secret with a warning fails the job, which shows the warning, unless the job continues with warnings', async () => {
  await using warned = await startWithWarnings();

  expect(await warned.runWith(false)).toMatchObject(
    failure('Vault returned it with a warning', 'exceeded the effective max_ttl', '`cont_on_warnings`'),
  );
  expect(await warned.runWith(true)).toMatchObject({ status: 'success', output: '1\n' });
});

async function encrypt(text: string, key: string = roleNames.job): Promise<string> {
  const plaintext = Buffer.from(text).toString('base64');
  return String((await operator.write(`transit/encrypt/${key}`, { plaintext })).data.ciphertext);
}

async function runPayload(payload: string, qname = ''): Promise<AnsweredJob> {
  const { _id: id } = await client.post({ qname, payload, wrap_secret_id: await client.wrapSecretId() });
  return client.wait(id);
}

describe('a payload', () => {
  const notOpened = failure(
    `Could not decrypt the payload of this job with \`transit/decrypt/${roleNames.job}\``,
  );

  test('that was encrypted with another key cannot be opened', async () => {
    const key = uniqueName();
    await operator.write(`transit/keys/${key}`, {});

    expect(await runPayload(await encrypt('{}', key))).toMatchObject(notOpened);
  });

  test('that was damaged on its way cannot be opened', async () => {
    const damaged = (await encrypt('{}')).replace(/.{8}$/, 'AAAAAAA=');

    expect(await runPayload(damaged)).toMatchObject(notOpened);
  });

  test.each([
    ['CANARY', 'Expected the payload to be JSON, got something else.'],
    ['[1]', 'Expected the payload to be a JSON object, got a list.'],
    ['{"run":"ls","tty":1}', 'Expected `run` to be a list of texts, got a text. Expected `tty`'],
    ['{"image_pull_policy":"Sometimes"}', 'to be `Always`, `IfNotPresent` or `Never`, got "Sometimes".'],
    ['{"secret_file_type":"toml"}', 'Expected `secret_file_type` to be `yaml` or `json`, got "toml".'],
    ['{"run":["true"]}', 'to name a `container_image`, got none'],
  ])('of %s fails the job, with what was expected in its output', async (text, complaint) => {
    const job = await runPayload(await encrypt(text));

    expect(job).toMatchObject(failure(complaint));
    expect(job.output).not.toContain('CANARY');
  });

  test('for another queue fails the job, with both names', async () => {
    const payload = await client.encrypt({ qname: 'Two', container_image: image });

    expect(await runPayload(payload, 'one')).toMatchObject(failure('got "Two" and "one"'));
  });

  test('whose queue differs in capitals only is the right one', async () => {
    const payload = await client.encrypt({ qname: 'ONE', container_image: image, run: ['true'] });

    expect(await runPayload(payload, 'One')).toMatchObject({ status: 'success', qname: 'one' });
  });
});

describe('an image', () => {
  test('that the engine lacks and may not fetch is named with the policy', async () => {
    const job = await on.run({ container_image: 'not-here:1', image_pull_policy: 'Never' });

    expect(job).toMatchObject(failure('"not-here:1"', 'the pull policy `Never` forbids to fetch it'));
  });

  test('whose registry cannot be reached gets another message than one that does not exist', async () => {
    const job = await on.run({ container_image: '127.0.0.1:1/not/here:1' });

    expect(job).toMatchObject(failure('"127.0.0.1:1/not/here:1"', 'its registry cannot be reached'));
  });

  test('without the command fails with the code of a shell', async () => {
    const job = await on.run({ run: ['/not/there'] });

    expect(job).toMatchObject({ status: 'failed', return_code: 127, output: holding('has no such program') });
  });
});

test.each([
  ['no archive', async () => 'bm8gYXJjaGl2ZQ==', 'it contains something that is not tar'],
  ['no base64', async () => '???', 'got `?` at 6'],
  [
    'an entry that climbs out',
    async () => (await tarGzOf([{ name: '../../etc/x', body: 'x' }])).toString('base64'),
    '"../../etc/x" (its name holds `..`)',
  ],
])('content with %s fails the job, and in the clear is refused at once', async (_what, make, complaint) => {
  const content = `targz,${await make()}`;
  const inClear = { content, container_image: image, wrap_secret_id: await client.wrapSecretId() };

  expect(await on.run({ content, run: ['true'] })).toMatchObject(failure('`content`', complaint));
  await expect(client.post(inClear)).rejects.toMatchObject({
    status: 400,
    body: { error: holding('`content`', complaint) },
  });
});
