import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { type CrashStage, openCrashStage } from '../crash/node-on-rig.js';
import { type Canaries, findInFiles, findInProcesses, findInText } from './canary-search.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

/** Prints the secrets in the ways that stint masks. */
export const leak = 'cat /secrets.yml; base64 /secrets.yml; od -An -tx1 -v /secrets.yml | tr -d " \\n"';

/** Real parts on which jobs get canaries for secrets and credentials, and the search for these everywhere. */
export class CanaryStage implements AsyncDisposable {
  readonly #stage: CrashStage;
  readonly #operator: VaultOperator;
  readonly #dockerHost: string;
  readonly #engineRoot: string;
  readonly #postgresRoot: string;
  /** Must be nowhere, at any time. */
  readonly #hidden = new Map<string, string>();
  /** Given as variables of the container: the engine has them while there is one. */
  readonly #variables = new Map<string, string>();
  readonly #ids: string[] = [];

  private constructor(
    stage: CrashStage,
    places: { dockerHost: string; engineRoot: string; postgresRoot: string },
  ) {
    this.#stage = stage;
    this.#operator = new VaultOperator(stage.places.vault);
    this.#dockerHost = places.dockerHost;
    this.#engineRoot = places.engineRoot;
    this.#postgresRoot = places.postgresRoot;
  }

  static async open(dockerHost: string): Promise<CanaryStage> {
    const stage = await openCrashStage();
    const { DockerRootDir: root } = (await connectDocker(dockerHost).info()) as { DockerRootDir: string };
    const [row] = await stage.sql<{ data_directory: string }[]>`show data_directory`;
    const postgresRoot = dirname(row?.data_directory ?? '');
    return new CanaryStage(stage, { dockerHost, engineRoot: root, postgresRoot });
  }

  /** SecretIDs that were wrapped in a second step are accepted: only of those the test knows the value. */
  start(more: Readonly<Record<string, string>> = {}): Promise<StintServer> {
    const settings = {
      STINT_ACCEPT_REWRAPPED: 'true',
      STINT_LOG_LEVEL: 'debug',
      DOCKER_HOST: this.#dockerHost,
    };
    return this.#stage.start('a', { ...settings, ...more });
  }

  clientOf(stint: StintServer): Promise<GostintClient> {
    return this.#stage.clientOf(stint);
  }

  get secretsDirectories(): readonly string[] {
    return this.#stage.places.secretsDirectories;
  }

  /** All canaries so far. */
  get canaries(): Canaries {
    return new Map([...this.#hidden, ...this.#variables]);
  }

  /** As GoStint's clients do it, with a canary on each way that a value takes. */
  async submit(client: GostintClient, qname: string, script: string): Promise<string> {
    const path = await this.#operator.writeSecret('kv/data', { password: this.#hide('secret value') });
    const variable = canaryValue();
    this.#variables.set(`variable ${this.#variables.size}`, variable);
    const payload = {
      qname,
      container_image: 'busybox:latest',
      run: ['sh', '-c', script],
      env_vars: [`INLINE=${variable}`],
      secret_refs: [`password@${path}.password`],
    };
    this.#hide('API token', await client.minimalToken());
    const cubbyhole = await client.leaveInCubbyhole(this.#hide('ciphertext', await client.encrypt(payload)));
    this.#hide('cubbyhole token', cubbyhole.cubby_token);
    const { _id: id } = await client.post({ qname, ...cubbyhole, wrap_secret_id: await this.#makeWrap() });
    this.#ids.push(id);
    return id;
  }

  #hide(what: string, value = canaryValue()): string {
    this.#hidden.set(`${what} ${this.#hidden.size}`, value);
    return value;
  }

  async #makeWrap(): Promise<string> {
    const made = await this.#operator.makeSecretId(this.#stage.places.roleName);
    const secret_id = this.#hide('SecretID', made);
    const answer = await this.#operator.write(
      'sys/wrapping/wrap',
      { secret_id },
      { 'X-Vault-Wrap-TTL': '600' },
    );
    return this.#hide('wrapping token', answer.wrap_info.token);
  }

  /** Where any canary is. `isOver`: there is no container any more, so that the engine may have no variable either. */
  async search(stint: StintServer, client: GostintClient | undefined, isOver: boolean): Promise<string[]> {
    await this.#stage.sql`checkpoint`;
    const all = this.canaries;
    const atEngine = isOver ? all : this.#hidden;
    const answers = client === undefined ? '' : await this.#answersOf(client);
    return [
      ...findInText(all, 'rows', await this.#dumpRows()),
      ...findInText(all, 'log', await stint.readLog()),
      ...findInText(all, 'answers', answers),
      ...findInText(atEngine, 'what the engine tells', await this.#engineWords()),
      ...(await findInFiles(all, [this.#postgresRoot, ...this.secretsDirectories])),
      ...(await this.#findAtEngine(atEngine)),
      ...(await findInProcesses(atEngine)),
      ...(await coreFiles()),
    ];
  }

  /** The search finds what is there: each place has the id of a job, and the engine its variables. Those where it finds nothing. */
  async findNothingIn(stint: StintServer, client: GostintClient, id: string): Promise<string[]> {
    const known = new Map([['id', id]]);
    const variable = new Map([[...this.#variables].at(-1) ?? ['', '']]);
    await this.#stage.sql`checkpoint`;
    const found = {
      rows: findInText(known, 'rows', await this.#dumpRows()),
      log: findInText(known, 'log', await stint.readLog()),
      answers: findInText(known, 'answers', await this.#answersOf(client)),
      'write-ahead log': await findInFiles(known, [`${this.#postgresRoot}/cluster/pg_wal`]),
      engine: await findInFiles(known, [this.#engineRoot]),
      'engine, variables': await findInFiles(variable, [this.#engineRoot]),
    };
    return Object.entries(found).flatMap(([place, all]) => (all.length === 0 ? [place] : []));
  }

  /** Every row of every table, with bytes in hex. */
  async #dumpRows(): Promise<string> {
    const { sql } = this.#stage;
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
  async #answersOf(client: GostintClient): Promise<string> {
    const paths = ['/v1/api/job', '/v1/api/metrics', '/readyz', '/healthz'];
    const ofJobs = this.#ids.flatMap((id) => [`/v1/api/job/${id}`, `/stint/v1/jobs/${id}`]);
    const ask = (path: string) => client.stint('GET', path).catch((error: unknown) => error);
    const answers = await Promise.all([...paths, ...ofJobs].map(ask));
    return answers.map((answer) => (typeof answer === 'string' ? answer : JSON.stringify(answer))).join('\n');
  }

  /** What the engine tells of the containers of these jobs; nothing while it is gone. */
  async #engineWords(): Promise<string> {
    const docker = connectDocker(this.#dockerHost);
    const words: unknown[] = [];
    for (const id of this.#ids)
      for (const { Id } of await this.containersOf(id).catch(() => [])) {
        const container = docker.getContainer(Id);
        words.push(await container.inspect().catch(() => ''), await container.changes().catch(() => ''));
      }
    return JSON.stringify(words);
  }

  /** Whatever their state is. */
  containersOf(id: string): Promise<{ Id: string }[]> {
    const filters = { label: [`stint.job=${id}`] };
    return connectDocker(this.#dockerHost).listContainers({ all: true, filters });
  }

  /** containerd does not overwrite what it frees in its database: variables of removed containers stay there for a while. */
  async #findAtEngine(canaries: Canaries): Promise<string[]> {
    const found = await findInFiles(canaries, [this.#engineRoot]);
    return found.filter((each) => !(each.startsWith('variable') && each.endsWith('/meta.db')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stage[Symbol.asyncDispose]();
  }
}

function canaryValue(): string {
  return `CANARY "é/+&-${uniqueName()}`;
}

/** Of processes that were started from here, where the kernel writes them into files. */
export async function coreFiles(): Promise<string[]> {
  return (await readdir(process.cwd())).filter((name) => /^core(?:\.\d+)?$/.test(name));
}
