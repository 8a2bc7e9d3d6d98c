import { execFile } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { buildImage } from '../../rig/engine/image.js';
import { makeCertificate } from '../support/certificate.js';
import { encodeContent } from './original-archive.js';
import type { Ended } from './original-client.js';
import { startOriginalStage } from './original-stage.js';
import { startSlowRegistry } from './slow-registry.js';
import { uniqueName } from './vault-operator.js';

const on = await startOriginalStage();
const { gostint, operator, directory } = on;
/** Its program prints files of the directory where it starts, which the content brings. */
const playbooks = `${uniqueName()}:1`;
await buildImage(on.docker, { tag: playbooks, entrypoint: ['cat'], workdir: '/tmp/playbook' });
afterAll(async () => {
  await on.docker.getImage(playbooks).remove();
  await on[Symbol.asyncDispose]();
});

const busybox = '-image=busybox';

function shell(script: string): string {
  return `-run=${JSON.stringify(['sh', '-c', script])}`;
}

function success(printed: string): Ended {
  return { exitCode: 0, printed };
}

/** A folder as users have them: metadata, files below a directory of the image, names that ustar cannot hold. */
async function makeFolder(): Promise<string> {
  const folder = join(directory, uniqueName());
  const playbook = join(folder, 'tmp', 'playbook');
  await mkdir(join(playbook, longName), { recursive: true });
  await writeFile(join(folder, 'gostint.yml'), `container_image: ${playbooks}\n`);
  await writeFile(join(playbook, 'hosts'), '127.0.0.1\n');
  await writeFile(join(playbook, 'play.sh'), '#!/bin/sh\necho "played with $*"\n');
  await writeFile(join(playbook, longName, longName), 'a long name\n');
  await writeFile(join(playbook, 'naïve'), 'a name with an accent\n');
  await chmod(join(playbook, 'hosts'), 0o640);
  await chmod(join(playbook, 'play.sh'), 0o755);
  await chmod(playbook, 0o750);
  return folder;
}

const longName = 'n'.repeat(120);

/** The newest job that stint has. */
async function newestJob(): Promise<{ readonly _id: string; readonly qname: string }> {
  const { data } = (await on.client.stint('GET', '/v1/api/job')) as {
    data: { _id: string; qname: string }[];
  };
  const [newest] = data;
  if (newest === undefined) throw new Error('Expected a job, got none.');
  return newest;
}

test('a command of `-run` runs in the image of `-image`, and its output is printed', async () => {
  const ended = await gostint('-image=busybox:latest', '-run=["echo", "<hello> & häppy"]');

  expect(ended).toEqual(success('<hello> & häppy\n'));
});

test('an `-entrypoint` replaces that of the image', async () => {
  const ended = await gostint(
    `-image=${playbooks}`,
    '-entrypoint=["echo", "-n"]',
    '-run=["one", "two words"]',
  );

  expect(ended).toEqual(success('one two words'));
});

test.each(['', '/'])(
  'a folder of `-content` is laid over the root, and its metadata names the image (%j behind it)',
  async (end) => {
    const folder = await makeFolder();

    const ended = await gostint(
      `-content=${folder}${end}`,
      `-run=["hosts", "${longName}/${longName}", "naïve"]`,
    );

    expect(ended).toEqual(success('127.0.0.1\na long name\na name with an accent\n'));
  },
);

test('a folder of `-content` brings modes and belongs to the job, and leaves the root as it is', async () => {
  const folder = await makeFolder();
  const look = "stat -c '%n %a %u' / /tmp /tmp/playbook /tmp/playbook/hosts /tmp/playbook/play.sh";

  const ended = await gostint(
    busybox,
    `-content=${folder}`,
    shell(`${look}; cd /tmp/playbook; ./play.sh 1 2`),
  );

  const listing = ['/ 755 0', '/tmp 1777 0', '/tmp/playbook 750 2001', '/tmp/playbook/hosts 640 2001'];
  const last = ['/tmp/playbook/play.sh 755 2001', 'played with 1 2', ''];
  expect(ended).toEqual(success([...listing, ...last].join('\n')));
});

test('a link in a folder of `-content` arrives as the link to itself that the client makes of it', async () => {
  const folder = await makeFolder();
  await symlink('hosts', join(folder, 'tmp', 'playbook', 'latest'));

  const ended = await gostint(busybox, `-content=${folder}`, '-run=["readlink", "/tmp/playbook/latest"]');

  expect(ended).toEqual(success('latest\n'));
});

test('an archive of `-content` is taken as tar wrote it', async () => {
  const archive = join(directory, `${uniqueName()}.tar.gz`);
  await promisify(execFile)('tar', ['-czf', archive, '-C', await makeFolder(), '.']);

  const ended = await gostint(`-content=${archive}`, `-run=["hosts", "${longName}/${longName}", "naïve"]`);

  expect(ended).toEqual(success('127.0.0.1\na long name\na name with an accent\n'));
});

test('a job comes whole from the file of `-job-json`', async () => {
  const one = await operator.writeSecret('kv/data', { 'my-value': 's3cr3t' });
  const form = await operator.writeSecret('kv/data', { field1: 'value1', field2: 'value2' });
  const file = join(directory, 'job.json');
  const job = {
    qname: 'play job3',
    container_image: 'busybox',
    content: await encodeContent(await makeFolder()),
    run: ['sh', '-c', 'cat hosts; grep -v TOKEN /secrets.yml; echo $A'],
    working_directory: '/tmp/playbook',
    env_vars: ['A=1'],
    secret_refs: [`mysecret@${one}.my-value`, `field_1@${form}.field1`, `field_2@${form}.field2`],
  };
  await writeFile(file, `${JSON.stringify(job, undefined, 2)}\n`);

  const ended = await gostint(`-job-json=@${file}`);

  const secrets =
    '---\n# gostint vault secrets injected:\nfield_1: value1\nfield_2: value2\nmysecret: s3cr3t\n';
  expect(ended).toEqual(success(`127.0.0.1\n${secrets}1\n`));
  expect((await newestJob()).qname).toBe('play job3');
});

test('flags win over a job written into `-job-json`, those with a default too, and its names may be in any case', async () => {
  const job = {
    QName: 'by-text',
    Container_Image: 'not-here:1',
    image_pull_policy: 'Never',
    RUN: ['echo', 'from the text'],
    secret_file_type: 'json',
    tty: true,
  };

  const ended = await gostint(`-job-json=${JSON.stringify(job)}`, busybox, shell('ls /secrets.*; tty'));

  expect(ended).toEqual({ exitCode: 1, printed: '[failed] /secrets.yml\nnot a tty\n' });
  expect((await newestJob()).qname).toBe('by-text');
});

test('a queue of `-qname` is named in lower case', async () => {
  expect(await gostint('-qname=Nightly Report', busybox, '-run=["true"]')).toEqual(success(''));
  expect((await newestJob()).qname).toBe('nightly report');
});

test('secrets of `-secret-refs` come from both versions of the KV engine', async () => {
  const old = await operator.writeSecret('kv1', { kubeconfig_base64: 'a3ViZQ==' });
  const young = await operator.writeSecret('kv/data', { 'my-value': 's3cr3t' });
  const references = JSON.stringify([`KUBECONFIG_BASE64@${old}.kubeconfig_base64`, `mine@${young}.my-value`]);

  const ended = await gostint(
    busybox,
    `-secret-refs=${references}`,
    shell('tail -n +3 /secrets.yml | grep -v TOKEN'),
  );

  expect(ended).toEqual(success('KUBECONFIG_BASE64: a3ViZQ==\nmine: s3cr3t\n'));
});

test('secrets are one JSON object with `-secret-filetype=json`', async () => {
  const path = await operator.writeSecret('kv/data', { a: '0042' });

  const { exitCode, printed } = await gostint(
    busybox,
    '-secret-filetype=json',
    `-secret-refs=["mine@${path}.a"]`,
    shell('cat /secrets.json; test ! -e /secrets.yml'),
  );

  expect(exitCode).toBe(0);
  expect(JSON.parse(printed)).toEqual({ TOKEN: expect.stringMatching(/^\S{20,}$/), mine: '0042' });
});

test('a warning of Vault fails the job, unless it has `-cont-on-warnings`', async () => {
  await operator.write(`${on.leasedMount}/x`, { password: 'warned', ttl: 324_000_000 });
  const flags = [
    busybox,
    `-secret-refs=["mine@${on.leasedMount}/x.password"]`,
    '-run=["tail", "-n", "1", "/secrets.yml"]',
  ];

  const refused = await gostint(...flags);

  expect(refused).toEqual({ exitCode: 125, printed: expect.stringContaining('`cont_on_warnings`') });
  expect(await gostint(...flags, '-cont-on-warnings')).toEqual(success('mine: warned\n'));
});

test('variables of `-env-vars` are in the environment of the job', async () => {
  const ended = await gostint(
    busybox,
    '-env-vars=["RUNCMD=/usr/local/bin/helm", "A=two words"]',
    shell('echo $RUNCMD, $A'),
  );

  expect(ended).toEqual(success('/usr/local/bin/helm, two words\n'));
});

test('a job begins in the directory of `-run-dir`', async () => {
  expect(await gostint(busybox, '-run-dir=/var', '-run=["pwd"]')).toEqual(success('/var\n'));
});

test('`-image-pull-policy=Always` asks the registry, and the default takes what the engine has', async () => {
  await using slow = await startSlowRegistry();
  await using other = await startOriginalStage({
    DOCKER_HOST: slow.dockerHost,
    STINT_ALLOW_IMAGES: `${slow.registry.host}/**`,
  });
  const [repo, tag] = [`${slow.registry.host}/play/version`, '1'];
  const ids = [];
  for (const version of ['old', 'new']) {
    ids.push(await buildImage(slow.docker, { tag: `${version}:1`, cmd: ['echo', version] }));
    await slow.registry.push(slow.docker, `${version}:1`, `play/version:${tag}`);
  }
  await slow.docker.getImage('old:1').tag({ repo, tag });

  expect(await other.gostint(`-image=${repo}:${tag}`)).toEqual(success('old\n'));
  expect(await other.gostint(`-image=${repo}:${tag}`, '-image-pull-policy=Always')).toEqual(success('new\n'));
});

test('with `-wait=false` the client revokes the token of the cubbyhole while the job waits, and the job runs all the same', async () => {
  const first = await gostint('-qname=no-wait', busybox, '-run=["sleep", "2"]', '-wait=false');
  const second = await gostint('-qname=no-wait', busybox, '-run=["echo", "later"]', '-wait=false');
  const { _id: id } = await newestJob();

  expect(first).toEqual({ exitCode: 1, printed: expect.stringMatching(/^\[(queued|running)\] $/) });
  expect(second).toEqual({ exitCode: 1, printed: '[queued] ' });
  expect(await on.client.wait(id)).toMatchObject({ status: 'success', output: 'later\n' });
});

test('a token of `-vault-token` takes the place of a login', async () => {
  const file = join(directory, 'token');
  await writeFile(file, `${on.vault.rootToken}\n`);

  expect(await gostint(`-vault-token=@${file}`, busybox, '-run=["echo", "hi"]')).toEqual(success('hi\n'));
});

test('a role of `-gostint-approle` that the server does not use is not authorised', async () => {
  const { name } = await operator.makeRole({});
  await operator.write(`transit/keys/${name}`, {});

  const ended = await gostint(
    `-vault-token=${on.vault.rootToken}`,
    `-gostint-approle=${name}`,
    busybox,
    '-run=["true"]',
  );

  expect(ended).toEqual({ exitCode: 125, printed: expect.stringMatching(/^\[notauthorised\] \S/) });
});

test('a `-url` of HTTPS works with a certificate that nobody knows', async () => {
  const { certPath, keyPath, remove } = makeCertificate();
  onTestFinished(remove);
  await using other = await startOriginalStage({ STINT_TLS_CERT: certPath, STINT_TLS_KEY: keyPath });

  const ended = await other.gostint(busybox, '-run=["echo", "sealed"]');

  expect(other.stint.url).toMatch(/^https:/);
  expect(ended).toEqual(success('sealed\n'));
});

test('`-poll-interval` and `-debug` change nothing for the job', async () => {
  expect(await gostint('-poll-interval=3', '-debug', busybox, '-run=["echo", "hi"]')).toEqual(
    success('hi\n'),
  );
});

test('a job that fails ends the client with its exit code, and one that never ran with 125', async () => {
  expect(await gostint(busybox, shell('echo oops >&2; exit 7'))).toEqual({
    exitCode: 7,
    printed: '[failed] oops\n',
  });
  expect(await gostint('-run=["true"]')).toEqual({
    exitCode: 125,
    printed: expect.stringContaining('[failed] Expected the payload'),
  });
});

test('a refused submit ends the client with 1: it asks for the job without an id and finds no status', async () => {
  expect(await gostint(`-qname=${'q'.repeat(2000)}`, busybox)).toEqual({ exitCode: 1, printed: '[] ' });
});
