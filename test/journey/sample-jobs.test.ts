import { afterAll, expect, test } from 'vitest';
import type { AnsweredJob } from '../../demo/gostint-client.js';
import { buildImage } from '../../rig/engine/image.js';
import { type ArchiveItem, tarGzOf } from '../support/archives.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

/** Output is stored unmasked, because these jobs print their secrets. */
const on = await startStintOnRig({ STINT_MASK_OUTPUT: 'false' });
afterAll(() => on[Symbol.asyncDispose]());

const operator = new VaultOperator(on.vault);
const kv2 = await operator.writeSecret('kv/data', { a: 'canary-a', b: 'canary-b' });
const kv1 = await operator.writeSecret('kv1', { c: 'canary-c', d: 'canary-d' });
const fourRefs = [`a@${kv2}.a`, `b@${kv2}.b`, `c@${kv1}.c`, `d@${kv1}.d`];
const fourLines = 'a: canary-a\nb: canary-b\nc: canary-c\nd: canary-d\n';

/** The lines of a printed `/secrets.yml` below its header and the job's token. */
function secretLines({ output }: AnsweredJob): string | undefined {
  return /^---\n# gostint vault secrets injected:\nTOKEN: \S+\n(.*)$/s.exec(output)?.[1];
}

async function contentOf(...items: ArchiveItem[]): Promise<string> {
  return (await tarGzOf(items)).toString('base64');
}

/** A shell script as GoStint's clients pack it: owned by the job's user. */
const script: ArchiveItem = {
  name: 'opt/run.sh',
  mode: 0o750,
  uid: 2001,
  gid: 2001,
  body: '#!/bin/sh\nls -ln /opt/run.sh\ncat /secrets.yml\necho "arguments: $*"\n',
};

const scriptListing = /^-rwxr-x--- +1 2001 +2001 .* \/opt\/run\.sh\n/;

function metadata(text: string): ArchiveItem {
  return { name: './gostint.yml', body: text };
}

test('`ls` in busybox shows the secrets file, which belongs to the job alone', async () => {
  const job = await on.run({ run: ['ls', '-l', '/secrets.yml'], secret_refs: fourRefs });

  expect(job).toMatchObject({ status: 'success', return_code: 0 });
  expect(job.output).toMatch(/^-r-------- +\d gostint +2001 +\d+ .* \/secrets\.yml\n$/);
});

test('`ps` in busybox shows no process but those of the job, and the four secrets in none of them', async () => {
  const job = await on.run({ run: ['ps'], secret_refs: fourRefs });

  expect(job.status).toBe('success');
  expect(job.output.trimEnd().split('\n')).toEqual([
    'PID   USER     COMMAND',
    expect.stringMatching(/^ +1 gostint +\S+ -- ps$/),
    expect.stringMatching(/^ +\d+ gostint +ps$/),
  ]);
});

test('four references to two secrets become four lines of `/secrets.yml`, below the job token', async () => {
  const job = await on.run({ run: ['cat', '/secrets.yml'], secret_refs: fourRefs });

  expect(secretLines(job)).toBe(fourLines);
});

test('a script in the content runs with the image and the references of its `gostint.yml`', async () => {
  const content = await contentOf(
    metadata(`container_image: ${image}\nsecret_refs:\n  - a@${kv2}.a\n  - b@${kv2}.b\n`),
    script,
  );
  const run = ['/opt/run.sh', 'one', 'two words'];

  const id = await on.client.submit({ qname: 'shell', content: `targz,${content}`, run });
  const job = await on.client.wait(id);

  expect(job).toMatchObject({ status: 'success', container_image: image });
  expect(job.output).toMatch(scriptListing);
  expect(job.output).toContain('a: canary-a\nb: canary-b\narguments: one two words\n');
});

test('content in plain base64, without `targz,` in front, is laid over the root as well', async () => {
  const job = await on.run({ content: await contentOf(script), run: ['/opt/run.sh'] });

  expect(job.status).toBe('success');
  expect(job.output).toMatch(scriptListing);
});

test('references of payload, content and image are joined, and the nearest to the client wins', async () => {
  const tag = `${uniqueName()}:1`;
  const inImage = `secret_refs: [all@${kv1}.c, two@${kv1}.c, image@${kv1}.c]\n`;
  await buildImage(on.docker, { tag, files: { '/gostint_image.yml': inImage } });
  const inContent = `container_image: not-this-one:1\nsecret_refs: [all@${kv1}.d, two@${kv1}.d]\n`;

  const job = await on.run({
    container_image: tag,
    content: `targz,${await contentOf(metadata(inContent))}`,
    secret_refs: [`all@${kv2}.a`],
    run: ['cat', '/secrets.yml'],
  });
  await on.docker.getImage(tag).remove();

  expect(job.container_image).toBe(tag);
  expect(secretLines(job)).toBe('all: canary-a\nimage: canary-c\ntwo: canary-d\n');
});

test('A3: a value that is too short to be masked is named in the history of the job, and never shown there', async () => {
  const path = await operator.writeSecret('kv1', { port: '5432', password: 'long enough' });
  await using masking = await startStintOnRig({ STINT_MASK_OUTPUT: 'true' });
  const secret_refs = [`port@${path}.port`, `password@${path}.password`];

  const { _id: id, output } = await masking.run({ run: ['cat', '/secrets.yml'], secret_refs });

  expect(output).toContain('port: "5432"\n');
  expect(output).toContain('password: [secret]\n');
  const detail = (await masking.client.stint('GET', `/stint/v1/jobs/${id}`)) as { events: object[] };
  expect(detail.events).toContainEqual(
    expect.objectContaining({ kind: 'running', detail: { unmasked: ['port'] } }),
  );
  expect(JSON.stringify(detail)).not.toContain('5432');
});

test('A3: a secret that a job prints is named in its history, once, with the stream', async () => {
  const path = await operator.writeSecret('kv1', { password: 'canary-of-the-log', key: 'never-printed' });
  await using masking = await startStintOnRig({ STINT_MASK_OUTPUT: 'true' });
  const secret_refs = [`PASSWORD@${path}.password`, `KEY@${path}.key`];
  const run = ['sh', '-c', 'for i in 1 2 3; do grep PASSWORD /secrets.yml >&2; sleep 0.3; done; exit 4'];

  const { _id: id, output, return_code: code } = await masking.run({ run, secret_refs });

  expect([output.match(/\[secret\]/g)?.length, code]).toEqual([3, 4]);
  const detail = (await masking.client.stint('GET', `/stint/v1/jobs/${id}`)) as {
    events: { kind: string }[];
  };
  expect(detail.events.filter(({ kind }) => kind === 'secret_masked')).toEqual([
    expect.objectContaining({ detail: { name: 'PASSWORD', stream: 'stderr' } }),
  ]);
  expect(JSON.stringify(detail)).not.toContain('canary-of-the-log');
});

test('parts of a secret are masked as the whole is, and one that is too short is named', async () => {
  const path = await operator.writeSecret('kv/data', {
    account: { user: 'application', password: 'hunter2-alpha' },
    url: 'postgres://app:hunter2-bravo@db:5432/app',
    blob: Buffer.from('hunter2-charlie').toString('base64'),
    pin: { pin: '0042' },
  });
  await using masking = await startStintOnRig({ STINT_MASK_OUTPUT: 'true' });
  const secret_refs = ['account', 'url', 'blob', 'pin'].map((name) => `${name}@${path}.${name}`);
  const parts =
    "grep -oE 'hunter2-[a-z]+' /secrets.yml; grep blob /secrets.yml | cut -d ' ' -f 2 | base64 -d";

  const { _id: id, output } = await masking.run({ run: ['sh', '-c', parts], secret_refs });

  expect(output).toBe('[secret]\n[secret]\n[secret]');
  const detail = (await masking.client.stint('GET', `/stint/v1/jobs/${id}`)) as { events: object[] };
  expect(detail.events).toContainEqual(
    expect.objectContaining({ kind: 'running', detail: { unmasked: ['pin'] } }),
  );
});

test('a job without any reference gets a secrets file with its token alone', async () => {
  const job = await on.run({ run: ['cat', '/secrets.yml'] });

  expect(secretLines(job)).toBe('');
});

test('secrets in JSON are one object in `/secrets.json`', async () => {
  const job = await on.run({
    secret_file_type: 'json',
    secret_refs: fourRefs,
    run: ['sh', '-c', 'cat /secrets.json; test ! -e /secrets.yml'],
  });

  expect(JSON.parse(job.output)).toEqual({
    TOKEN: expect.stringMatching(/^\S{20,}$/),
    a: 'canary-a',
    b: 'canary-b',
    c: 'canary-c',
    d: 'canary-d',
  });
  expect(job.return_code).toBe(0);
});

test('in simple mode the fields come in the clear, and only the SecretID is wrapped', async () => {
  const { _id: id } = await on.client.post({
    wrap_secret_id: await on.client.wrapSecretId(),
    container_image: image,
    run: ['cat', '/secrets.yml'],
    secret_refs: fourRefs,
  });
  const job = await on.client.wait(id);

  expect(job).toMatchObject({ status: 'success', qname: '' });
  expect(secretLines(job)).toBe(fourLines);
});

test('a ciphertext may come in the request itself instead of a cubbyhole', async () => {
  const payload = await on.client.encrypt({ qname: 'direct', container_image: image, run: ['echo', 'hi'] });

  const answer = await on.client.post({
    qname: 'direct',
    payload,
    wrap_secret_id: await on.client.wrapSecretId(),
  });

  const { _id: id } = answer;
  expect(answer).toEqual({ _id: expect.stringMatching(/^[0-9a-f]{24}$/), status: 'queued', qname: 'direct' });
  expect(await on.client.wait(id)).toMatchObject({ status: 'success', output: 'hi\n' });
});

test('a body with the content type of a form is read as JSON, since `curl -d` sends that type', async () => {
  const response = await fetch(`${on.stint.url}/v1/api/job`, {
    method: 'POST',
    headers: {
      'X-Auth-Token': await on.client.minimalToken(),
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: JSON.stringify({
      qname: 'From A Form',
      wrap_secret_id: await on.client.wrapSecretId(),
      container_image: image,
      run: ['echo', 'hi'],
    }),
  });
  const { _id: id, qname } = (await response.json()) as { _id: string; qname: string };

  expect(response.status).toBe(200);
  expect(qname).toBe('from a form');
  expect(await on.client.wait(id)).toMatchObject({ status: 'success', output: 'hi\n' });
});
