import connect from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { tarGzOf } from '../support/archives.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { VaultOperator } from './vault-operator.js';

const on = await startStintOnRig();
afterAll(() => on[Symbol.asyncDispose]());

const operator = new VaultOperator(on.vault);

/** Runs a shell script and returns what it printed, without the last line break. */
async function shell(script: string, fields: object = {}): Promise<string> {
  const job = await on.run({ run: ['sh', '-c', script], ...fields });
  expect(job.status).toBe('success');
  return job.output.trimEnd();
}

test('a job runs as user 2001, which has a name and a home', async () => {
  expect(await shell('id -u; id -g; id -un; echo $HOME; touch $HOME/x && echo may write')).toBe(
    '2001\n2001\ngostint\n/tmp\nmay write',
  );
});

test('a job has its variables and the address of Vault, which it cannot redirect, and no token of Vault', async () => {
  const env_vars = ['B=two words', 'A=1', 'VAULT_ADDR=http://elsewhere'];

  const lines = (await shell('env', { env_vars })).split('\n');

  expect(lines).toEqual(expect.arrayContaining(['A=1', 'B=two words', `VAULT_ADDR=${on.vault.address}`]));
  expect(lines.filter((line) => line.startsWith('VAULT_'))).toHaveLength(1);
});

test('a job is a child of an init process, or process 1 itself where it says so', async () => {
  expect(await shell('echo $$; echo $TINI_SUBREAPER')).toMatch(/^[2-9]\d*\n1$/);
  expect(await shell('echo $$', { init: false })).toBe('1');
});

test('a script with Windows line ends fails with a sentence that says so', async () => {
  const content = (await tarGzOf([{ name: 'opt/run', body: '#!/bin/sh\r\ntrue\r\n', mode: 0o755 }])).toString(
    'base64',
  );

  const job = await on.run({ content: `targz,${content}`, run: ['/opt/run'] });

  expect(job).toMatchObject({ status: 'failed', return_code: 127 });
  expect(job.output).toContain('its lines end as Windows writes them');
});

test('with `STINT_JOB_TOKEN_IN_ENV` the job has its token as a variable too', async () => {
  await using other = await startStintOnRig({ STINT_JOB_TOKEN_IN_ENV: 'true', STINT_MASK_OUTPUT: 'false' });

  const job = await other.run({
    env_vars: ['VAULT_TOKEN=mine'],
    run: ['sh', '-c', 'echo "TOKEN: $VAULT_TOKEN"; grep TOKEN /secrets.yml'],
  });

  const [fromEnv, fromFile] = job.output.split('\n');
  expect(fromEnv).toMatch(/^TOKEN: \S{20,}$/);
  expect(fromEnv).toBe(fromFile);
});

test('entrypoint, arguments and working directory are those of the payload', async () => {
  const job = await on.run({
    entrypoint: ['/bin/sh', '-c', 'pwd; echo "$0 and $1"'],
    run: ['first', 'second one'],
    working_directory: '/var',
  });

  expect(job).toMatchObject({ status: 'success', output: '/var\nfirst and second one\n' });
});

test('a character that the other stream cuts is shown whole, while the job runs too', async () => {
  const script =
    "printf 'a\\303'; sleep 0.5; printf x >&2; sleep 0.5; printf '\\251b\\342'; sleep 1; printf '\\202\\254'";
  const id = await on.client.submit({ container_image: image, run: ['sh', '-c', script] });
  const seen = new Set<string>();

  const job = await on.client.wait(id, 30_000, ({ output, status }) => {
    seen.add(output);
    return status === 'success';
  });

  expect(job).toMatchObject({ output: 'axéb€', stderr: 'x' });
  expect([...seen].join()).not.toContain('\ufffd');
});

test('a job with `tty` has a terminal and prints both streams through it', async () => {
  const job = await on.run({ tty: true, run: ['sh', '-c', 'tty; echo out; echo err >&2'] });

  expect(job).toMatchObject({ tty: true, output: '/dev/pts/0\r\nout\r\nerr\r\n', stderr: '' });
});

test('what a job prints to stderr is in the output at its place, and apart too', async () => {
  const script = 'echo one; sleep 0.2; echo oops >&2; sleep 0.2; echo two; exit 7';

  const job = await on.run({ run: ['sh', '-c', script] });

  expect(job).toMatchObject({
    status: 'failed',
    return_code: 7,
    output: 'one\noops\ntwo\n',
    stderr: 'oops\n',
  });
});

test('output of any bytes is stored as it came', async () => {
  const id = await on.client.submit({
    container_image: 'busybox',
    run: ['sh', '-c', String.raw`printf 'a\000\377\r\nb\303\244'`],
  });
  const job = await on.client.wait(id);

  const sql = connect(on.databaseUrl, { max: 1 });
  const rows = await sql<{ bytes: Buffer }[]>`select bytes from job_output where job_id = ${id} order by seq`;
  await sql.end();

  expect(Buffer.concat(rows.map(({ bytes }) => bytes))).toEqual(
    Buffer.from('a\0\xff\r\nb\xc3\xa4', 'latin1'),
  );
  expect(job.output).toBe('a\0\ufffd\r\nbä');
});

test('the output of a running job can be read while it runs', async () => {
  const id = await on.client.submit({
    container_image: 'busybox',
    run: ['sh', '-c', 'echo early; sleep 300'],
  });

  const job = await on.client.wait(id, 20_000, ({ output }) => output !== '');
  await on.client.kill(id);
  await on.client.wait(id);

  expect(job).toMatchObject({ status: 'running', output: 'early\n' });
});

test('an inspection of the container of a running job shows no secret', async () => {
  const path = await operator.writeSecret('kv1', { password: 'CANARY-inspected' });
  const id = await on.client.submit({
    container_image: 'busybox',
    run: ['sh', '-c', 'wc -l </secrets.yml; sleep 300'],
    secret_refs: [`password@${path}.password`],
  });
  const job = await on.client.wait(id, 20_000, ({ output }) => output !== '');

  const shown = JSON.stringify(await on.docker.getContainer(job.container_id).inspect());
  await on.client.kill(id);
  await on.client.wait(id);

  expect(job.output).toBe('4\n');
  expect(shown).toContain(id);
  expect(shown).not.toMatch(/CANARY|hvs\.|VAULT_TOKEN/);
});

test('secret values and the job token are masked in stored output', async () => {
  const path = await operator.writeSecret('kv1', { password: 'CANARY-masked' });

  const output = await shell('cat /secrets.yml; echo "the word is CANARY-masked!"', {
    secret_refs: [`password@${path}.password`],
  });

  expect(output).toBe(
    '---\n# gostint vault secrets injected:\nTOKEN: [secret]\npassword: [secret]\nthe word is [secret]!',
  );
});

test('the container is gone when the job has ended', async () => {
  const job = await on.run({ run: ['true'] });
  const { _id: id } = job;

  const filters = { label: [`stint.job=${id}`] };
  expect(job.container_id).toMatch(/^[0-9a-f]{64}$/);
  expect(await on.docker.listContainers({ all: true, filters })).toEqual([]);
});
