import { mkdtemp, readdir, rm } from 'node:fs/promises';
import connect from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { roleNames } from '../../vault-dev/bootstrap/roles.js';
import { image, startStintOnRig } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const secretsDirectory = await mkdtemp('/dev/shm/stint-journey-');
/** It accepts SecretIDs that were wrapped in a second step: only of those the test knows the value to search for. */
const on = await startStintOnRig({ STINT_SECRETS_DIR: secretsDirectory, STINT_ACCEPT_REWRAPPED: 'true' });
const { client } = on;
const operator = new VaultOperator(on.vault);
afterAll(async () => {
  await on[Symbol.asyncDispose]();
  await rm(secretsDirectory, { recursive: true });
});

/** Values that must be found nowhere, by name. */
const canaries = new Map<string, string>();
/** The tokens of jobs and their accessors. */
const jobTokens = new Map<string, string>();
/** How the jobs ended. */
const words: string[] = [];

function canary(what: string, value = `CANARY-${uniqueName()}`): string {
  canaries.set(`${what} ${canaries.size}`, value);
  return value;
}

async function makeWrap(): Promise<string> {
  const secret_id = canary('SecretID', await operator.makeSecretId(roleNames.job));
  const answer = await operator.write('sys/wrapping/wrap', { secret_id }, { 'X-Vault-Wrap-TTL': '600' });
  return canary('wrapping token', answer.wrap_info.token);
}

/** Submits as GoStint's client does, with a payload full of canaries. */
async function submit(qname: string, script: string, wrap?: string): Promise<string> {
  const path = await operator.writeSecret('kv/data', { password: canary('secret value') });
  const payload = {
    qname,
    container_image: image,
    run: ['sh', '-c', script],
    env_vars: [`INLINE=${canary('variable')}`],
    secret_refs: [`password@${path}.password`],
  };
  const ciphertext = canary('ciphertext', await client.encrypt(payload));
  const cubbyhole = await client.leaveInCubbyhole(ciphertext);
  canary('cubbyhole token', cubbyhole.cubby_token);
  const wrap_secret_id = wrap ?? (await makeWrap());
  const { _id: id } = await client.post({ qname, ...cubbyhole, wrap_secret_id });
  return id;
}

/** Prints the token backwards, which masking does not find: the test needs it. */
const printToken = 'cat /secrets.yml; echo "backwards: $(sed -n "s/^TOKEN: //p" /secrets.yml | rev)"';

/** Waits until the job has printed its token, and asks Vault for the accessor. */
async function readToken(id: string): Promise<void> {
  const found = /backwards: (\S+)\n/;
  const { output } = await client.wait(id, 20_000, (job) => found.test(job.output));
  const token = [...(found.exec(output)?.[1] ?? '')].toReversed().join('');
  const facts = await operator.lookUp(token);
  canary('job token', token);
  jobTokens.set(token, String(facts?.accessor));
}

/** Jobs that end in every way. */
beforeAll(async () => {
  canary('API token', await client.minimalToken());
  const success = await submit('a', `${printToken}; sleep 2`);
  await readToken(success);
  const failure = await submit('b', `${printToken}; sleep 2; exit 3`);
  await readToken(failure);
  const killed = await submit('c', `${printToken}; sleep 300`);
  await readToken(killed);
  await client.kill(killed);
  const refused = await submit('d', 'true', canary('wrapping token', 'hvs.CAESINobodyMadeThisOne'));
  const { _id: inClear } = await client.post({
    qname: 'e',
    wrap_secret_id: await makeWrap(),
    container_image: 'not-here:1',
    image_pull_policy: 'Never',
    env_vars: [`INLINE=${canary('variable')}`],
  });
  const ids = [success, failure, killed, refused, inClear];
  for (const id of ids) words.push((await client.wait(id)).status);
});

/** Everything in this database, with bytes in hex. */
async function dumpDatabase(): Promise<string> {
  const sql = connect(on.databaseUrl, { max: 1 });
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
  const dumps = tables.map(async ({ schema, name }) => {
    const rows = await sql<{ row: string }[]>`select t::text as row from ${sql(schema)}.${sql(name)} as t`;
    return [name, ...rows.map(({ row }) => row)].join('\n');
  });
  const text = (await Promise.all(dumps)).join('\n');
  await sql.end();
  return text;
}

/** Which canaries are in the text, as they are or as bytes in hex. */
function findCanaries(text: string): string[] {
  const isIn = (value: string) => text.includes(value) || text.includes(Buffer.from(value).toString('hex'));
  return [...canaries].flatMap(([what, value]) => (isIn(value) ? [what] : []));
}

test('jobs of every kind have ended', () => {
  expect(words).toEqual(['success', 'failed', 'failed', 'notauthorised', 'failed']);
});

test('no container of the jobs is left in the engine', async () => {
  const filters = { label: [`stint.node=${on.stint.nodeId}`, 'stint.job'] };

  expect(await on.docker.listContainers({ all: true, filters })).toEqual([]);
});

test('C7: no file of the jobs is left on the host', async () => {
  const entries = await readdir(secretsDirectory, { recursive: true, withFileTypes: true });

  expect(entries.filter((entry) => !entry.isDirectory())).toEqual([]);
});

test('V7: the tokens of the jobs are revoked', async () => {
  expect(jobTokens.size).toBe(3);
  for (const [token, accessor] of jobTokens) {
    const byAccessor = await operator.ask('POST', 'auth/token/lookup-accessor', { body: { accessor } });
    expect(byAccessor.body.errors?.join()).toContain('invalid accessor');
    expect(await operator.lookUp(token)).toBeUndefined();
  }
});

test('C7: no secret is in any table of Postgres, also not while a job waits', async () => {
  const running = await submit('f', 'echo visible; sleep 300');
  const waiting = await submit('f', 'true');
  await client.wait(running, 20_000, ({ output }) => output !== '');

  const dump = await dumpDatabase();
  await client.kill(waiting);
  await client.kill(running);
  await client.wait(running);

  for (const text of [waiting, running, Buffer.from('visible').toString('hex')]) expect(dump).toContain(text);
  expect(findCanaries(dump)).toEqual([]);
  expect(findCanaries(await dumpDatabase())).toEqual([]);
});

test('A8: no secret is in the log', () => {
  const log = on.log();

  expect(log).toContain('job recorded');
  expect(findCanaries(log)).toEqual([]);
});
