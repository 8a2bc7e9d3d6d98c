import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import type { StintServer } from '../../rig/stint/stint.js';
import type { FailpointName } from '../../src/job/failpoint.js';
import { openCrashStage } from '../crash/node-on-rig.js';
import { rigPart } from '../support/rig-part.js';
import { findInFiles, findInProcesses, findInText } from './canary-search.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

const image = 'busybox:latest';
const { dockerHost } = await rigPart('engine');
const docker = connectDocker(dockerHost);
await ensureImage(docker, image);
const stage = await openCrashStage();
afterAll(() => stage[Symbol.asyncDispose]());
const { sql, places } = stage;
const operator = new VaultOperator(places.vault);
const engineRoot = String(((await docker.info()) as { DockerRootDir: string }).DockerRootDir);
const postgresRoot = dirname(String((await sql`show data_directory`)[0]?.data_directory));
/** SecretIDs that were wrapped in a second step are accepted: only of those the test knows the value. */
const settings = { STINT_ACCEPT_REWRAPPED: 'true', STINT_LOG_LEVEL: 'debug' };

/** Must be nowhere, at any time. */
const hidden = new Map<string, string>();
/** Given as variables of the container: the engine has them while there is one. */
const variables = new Map<string, string>();
const ids: string[] = [];

function canary(what: string, value = `CANARY "é/+&-${uniqueName()}`, into = hidden): string {
  into.set(`${what} ${into.size}`, value);
  return value;
}

async function makeWrap(): Promise<string> {
  const secret_id = canary('SecretID', await operator.makeSecretId(places.roleName));
  const answer = await operator.write('sys/wrapping/wrap', { secret_id }, { 'X-Vault-Wrap-TTL': '600' });
  return canary('wrapping token', answer.wrap_info.token);
}

/** As GoStint's clients do it, with a canary on each way that a value takes. */
async function submit(client: GostintClient, qname: string, script: string): Promise<string> {
  const path = await operator.writeSecret('kv/data', { password: canary('secret value') });
  const payload = {
    qname,
    container_image: image,
    run: ['sh', '-c', script],
    env_vars: [`INLINE=${canary('variable', undefined, variables)}`],
    secret_refs: [`password@${path}.password`],
  };
  canary('API token', await client.minimalToken());
  const cubbyhole = await client.leaveInCubbyhole(canary('ciphertext', await client.encrypt(payload)));
  canary('cubbyhole token', cubbyhole.cubby_token);
  const { _id: id } = await client.post({ qname, ...cubbyhole, wrap_secret_id: await makeWrap() });
  ids.push(id);
  return id;
}

/** Prints the secrets in the ways that stint masks. */
const leak = 'cat /secrets.yml; base64 /secrets.yml; od -An -tx1 -v /secrets.yml | tr -d " \\n"';

/** Every row of every table, with bytes in hex. */
async function dumpRows(): Promise<string> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
  const dumps = [];
  for (const { schema, name } of tables)
    dumps.push(
      ...(await sql<{ row: string }[]>`select t::text as row from ${sql(schema)}.${sql(name)} as t`),
    );
  return dumps.map(({ row }) => row).join('\n');
}

/** All that anybody is told, as one text. */
async function answersOf(client: GostintClient): Promise<string> {
  const paths = ['/v1/api/job', '/v1/api/metrics', '/readyz', '/healthz'];
  const ofJobs = ids.flatMap((id) => [`/v1/api/job/${id}`, `/stint/v1/jobs/${id}`]);
  const ask = (path: string) => client.stint('GET', path).catch((error: unknown) => error);
  const answers = await Promise.all([...paths, ...ofJobs].map(ask));
  return answers.map((answer) => (typeof answer === 'string' ? answer : JSON.stringify(answer))).join('\n');
}

/** What the engine tells of the containers of these jobs. */
async function engineWords(): Promise<string> {
  const filters = { label: ids.map((id) => `stint.job=${id}`) };
  const words: unknown[] = [];
  for (const id of ids) {
    const found = await docker.listContainers({ all: true, filters: { label: [`stint.job=${id}`] } });
    for (const { Id } of found) {
      const container = docker.getContainer(Id);
      words.push(await container.inspect().catch(() => ''), await container.changes().catch(() => ''));
    }
  }
  return JSON.stringify([filters, words]);
}

const all = () => new Map([...hidden, ...variables]);

/** containerd does not overwrite what it frees in its database: variables of removed containers stay there for a while. */
async function findAtEngine(canaries: Map<string, string>): Promise<string[]> {
  const found = await findInFiles(canaries, [engineRoot]);
  return found.filter((each) => !(each.startsWith('variable') && each.endsWith('/meta.db')));
}

/** Where any canary is. `isOver`: there is no container any more, so that the engine may have no variable either. */
async function search(
  stint: StintServer,
  client: GostintClient | undefined,
  isOver: boolean,
): Promise<string[]> {
  await sql`checkpoint`;
  const atEngine = isOver ? all() : hidden;
  const answers = client === undefined ? '' : await answersOf(client);
  const cores = (await readdir(process.cwd())).filter((name) => /^core(?:\.\d+)?$/.test(name));
  return [
    ...findInText(all(), 'rows', await dumpRows()),
    ...findInText(all(), 'log', await stint.readLog()),
    ...findInText(all(), 'answers', answers),
    ...findInText(atEngine, 'what the engine tells', await engineWords()),
    ...(await findInFiles(all(), [postgresRoot, ...places.secretsDirectories])),
    ...(await findAtEngine(atEngine)),
    ...(await findInProcesses(atEngine)),
    ...cores,
  ];
}

/** The search finds what is there: each place has the id of a job, and the engine its variables. */
async function expectSeen(stint: StintServer, client: GostintClient, id: string): Promise<void> {
  const known = new Map([['id', id]]);
  await sql`checkpoint`;
  expect(findInText(known, 'rows', await dumpRows())).not.toEqual([]);
  expect(findInText(known, 'log', await stint.readLog())).not.toEqual([]);
  expect(findInText(known, 'answers', await answersOf(client))).not.toEqual([]);
  for (const directory of [`${postgresRoot}/cluster/pg_wal`, engineRoot])
    expect(await findInFiles(known, [directory])).not.toEqual([]);
  expect(await findInFiles(new Map([[...variables].at(-1) ?? ['', '']]), [engineRoot])).not.toEqual([]);
}

async function untilGone(id: string): Promise<void> {
  const filters = { label: [`stint.job=${id}`] };
  await expect.poll(() => docker.listContainers({ all: true, filters }), { timeout: 30_000 }).toEqual([]);
}

describe('C7, A3, A8: no secret and no credential is found anywhere, in any form', () => {
  test('while a job runs, and after success, failure and kill of jobs that print their secrets', {
    timeout: 180_000,
  }, async () => {
    await using stint = await stage.start('a', settings);
    const client = await stage.clientOf(stint);
    const success = await submit(client, 'a', leak);
    const failure = await submit(client, 'b', `${leak}; exit 3`);
    const [first, second] = [await client.wait(success), await client.wait(failure)];
    const killed = await submit(client, 'c', 'echo begun; sleep 300');
    await client.wait(killed, 30_000, ({ output }) => output.includes('begun'));

    expect([first.status, second.status]).toEqual(['success', 'failed']);
    expect(first.output.match(/\[secret\]/g)?.length).toBeGreaterThanOrEqual(3);
    await expectSeen(stint, client, killed);
    expect(await search(stint, client, false)).toEqual([]);
    await client.kill(killed);
    await client.wait(killed);
    await untilGone(killed);
    expect(await search(stint, client, true)).toEqual([]);
  });

  test.each<FailpointName>([
    'after-cubbyhole-read',
    'before-unwrap',
    'after-login',
    'after-deliver',
    'first-output-stored',
  ])(
    'after the node was killed at the failpoint %s, and after it has come back',
    { timeout: 180_000 },
    async (failpoint) => {
      const dying = await stage.start('a', { ...settings, STINT_FAILPOINTS: `${failpoint}=kill` });
      const qname = uniqueName();
      const submitted = submit(await stage.clientOf(dying), qname, 'echo begun; sleep 300').catch(
        () => undefined,
      );
      await dying.gone(60_000);
      const id = await submitted;
      const found = await search(dying, undefined, false);
      const inMemory = found.filter((each) => places.secretsDirectories.some((path) => each.includes(path)));
      expect(found.filter((each) => !inMemory.includes(each))).toEqual([]);
      // From the delivery to the start the secrets file has a name in the host's memory; the next process removes it.
      expect(inMemory.length > 0).toBe(failpoint === 'after-deliver');
      await dying[Symbol.asyncDispose]();

      await using back = await stage.start('a', settings);
      const client = await stage.clientOf(back);
      if (id !== undefined) {
        await client.kill(id).catch(() => undefined);
        await client.wait(id);
        await untilGone(id);
      }
      expect(await search(back, client, true)).toEqual([]);
    },
  );
});
