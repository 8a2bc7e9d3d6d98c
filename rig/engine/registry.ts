// Runs a private image registry, so that tests pull for real without the internet.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { removeDirectoryAndUsers } from '../leftovers.js';
import { findProgram, type Log, type Part, RigError, startPart, until } from '../process.js';
import { createRunDirectory, sweepDeadRuns } from '../run-directory.js';
import { type Confirm, installDebianPackages } from './debian.js';
import type { Engine } from './engine.js';

export interface RegistryOptions {
  /** The engine that pushes and pulls. The registry listens on the loopback of its network, where no TLS is needed. */
  readonly engine: Engine;
  /** Requires `REGISTRY_LOGIN`. */
  readonly closed?: boolean;
  readonly confirm?: Confirm | undefined;
  readonly log?: Log | undefined;
}

/** The one account of a closed registry. */
export const REGISTRY_LOGIN = { username: 'stint', password: 'only-for-tests' } as const;

/** Starts Debian's `docker-registry`, for real pulls without the internet. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  if ((await findProgram(PROGRAM)) === undefined) await installDebianPackages([PROGRAM], options);
  await sweepDeadRuns();
  const directory = await createRunDirectory('registry');
  try {
    return await startIn(directory, options);
  } catch (error) {
    await removeDirectoryAndUsers(directory);
    throw error;
  }
}

async function startIn(directory: string, options: RegistryOptions): Promise<Registry> {
  const configFile = join(directory, 'config.yml');
  await writeFile(join(directory, 'accounts'), `${ACCOUNT}\n`);
  await writeFile(configFile, JSON.stringify(toConfig(directory, options.closed === true)));
  const part = await startServer(configFile, join(directory, 'registry.log'), options);
  const host = await readAddress(part);
  options.log?.(`docker-registry ${part.pid} listens on ${host}`);
  return new Registry(directory, part, { host, closed: options.closed === true });
}

async function startServer(configFile: string, logFile: string, { engine }: RegistryOptions): Promise<Part> {
  const args = ['serve', configFile];
  const command: [string, string[]] = engine.own?.inNetwork(PROGRAM, args) ?? [PROGRAM, args];
  return await startPart(...command, { logFile, deathSignal: 'TERM' });
}

/** JSON is valid YAML and needs no quoting rules. */
function toConfig(directory: string, closed: boolean): object {
  const login = { auth: { htpasswd: { realm: 'stint', path: join(directory, 'accounts') } } };
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'images') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    ...(closed ? login : {}),
  };
}

/** The registry chooses a free port and logs it; it cannot be asked from outside its network. */
async function readAddress(part: Part): Promise<string> {
  const find = () => /listening on (127\.0\.0\.1:\d+)/.exec(part.logTail())?.[1];
  const limit = { limitMs: START_LIMIT_MS, what: 'docker-registry' };
  await until(() => part.hasExited() || find() !== undefined, limit);
  const host = find();
  if (host === undefined) throw new RigError(`Could not start docker-registry:\n${part.logTail()}`);
  return host;
}

/** The names of a pushed image. */
export interface PushedImage {
  /** With the registry and the tag. */
  readonly reference: string;
  /** With the registry and the digest. */
  readonly byDigest: string;
}

export class Registry implements AsyncDisposable {
  /** The host in the names of its images, before the first slash. */
  readonly host: string;
  readonly #directory: string;
  readonly #part: Part;
  readonly #closed: boolean;

  constructor(directory: string, part: Part, { host, closed }: { host: string; closed: boolean }) {
    this.host = host;
    this.#directory = directory;
    this.#part = part;
    this.#closed = closed;
  }

  /** Pushes an image of the engine under a name like `tools/shell:1`; the engine keeps it under the new name too. */
  async push(docker: Docker, image: string, name: string): Promise<PushedImage> {
    const [repo = '', tag = 'latest'] = name.split(':');
    const reference = `${this.host}/${repo}:${tag}`;
    await docker.getImage(image).tag({ repo: `${this.host}/${repo}`, tag });
    const authconfig = this.#closed ? { ...REGISTRY_LOGIN, serveraddress: this.host } : {};
    await followProgress(docker, await docker.getImage(reference).push({ authconfig }));
    const { RepoDigests } = await docker.getImage(reference).inspect();
    const byDigest = RepoDigests.find((digest) => digest.startsWith(`${this.host}/${repo}@`));
    if (byDigest === undefined) throw new RigError(`Could not push "${reference}": it has no digest.`);
    return { reference, byDigest };
  }

  /** Makes it hang: it accepts connections and does not answer until `resume`. */
  suspend(): void {
    this.#part.signal('SIGSTOP');
  }

  resume(): void {
    this.#part.signal('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeDirectoryAndUsers(this.#directory);
    await this.#part.gone(STOP_LIMIT_MS);
  }
}

/** A push that fails midway reports that in its progress stream only, not by its status. */
async function followProgress(docker: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
  });
}

const PROGRAM = 'docker-registry';
/** The password of `REGISTRY_LOGIN` as `htpasswd -B` writes it. */
const ACCOUNT = 'stint:$2y$05$c3RpbnRzdGludHN0aW50cuV56teiX8C2YXZLwhFXNIXsEbYWuYLMW';
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 10_000;
