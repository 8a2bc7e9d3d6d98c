import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import {
  type DockerBackend,
  type DockerBackendOptions,
  openDockerBackend,
} from '../../src/docker/backend.js';
import { identityOf } from '../../src/docker/identity.js';
import type { ContainerRequest, OutputPart, RunningContainer } from '../../src/executor/backend.js';
import type { Exit } from '../../src/job/outcome.js';
import { containerRequest } from './container-request.js';

/** A real backend, and what it leaves at the engine and on the host. Disposing removes whatever a test has left. */
export interface DockerBench extends AsyncDisposable {
  readonly backend: DockerBackend;
  readonly docker: Docker;
  readonly options: DockerBackendOptions;
  readonly installation: string;
  /** The failures that the backend reported for the log. */
  readonly failures: string[];
  /** Ids of our containers, running or not. */
  containers(): Promise<string[]>;
  /** Paths of job files on this host, below the secrets directory. */
  hostFiles(): Promise<string[]>;
}

/** Each backend is its own installation, so that test files on one engine do not affect each other. */
export async function openDockerBench(
  dockerHost: string,
  more: Partial<DockerBackendOptions> = {},
): Promise<DockerBench> {
  const docker = connectDocker(dockerHost);
  await ensureImage(docker, 'busybox:latest');
  const failures: string[] = [];
  const options = await newOptions(dockerHost, failures, more);
  const backend = await openDockerBackend(options);
  const { installation } = identityOf(options.sharedKey);
  const label = [`stint.installation=${installation}`];
  const containers = async () =>
    (await docker.listContainers({ all: true, filters: { label } })).map(({ Id }) => Id);
  return {
    backend,
    docker,
    options,
    installation,
    failures,
    containers,
    hostFiles: () => filesIn(options.secretsDirectory),
    [Symbol.asyncDispose]: async () => {
      await backend[Symbol.asyncDispose]();
      await Promise.all((await containers()).map((id) => removeContainer(docker, id)));
      await rm(options.secretsDirectory, { recursive: true, force: true });
    },
  };
}

async function newOptions(
  dockerHost: string,
  failures: string[],
  more: Partial<DockerBackendOptions>,
): Promise<DockerBackendOptions> {
  return {
    docker: { host: dockerHost, pullTimeoutMs: 20_000 },
    job: {
      memoryBytes: 64 * 1024 * 1024,
      cpus: 1,
      pids: 64,
      network: 'none',
      sharedMemoryBytes: 64 * 1024 * 1024,
      init: 'auto',
    },
    contentLimitBytes: 16 * 1024 * 1024,
    secretsDirectory: more.secretsDirectory ?? (await mkdtemp('/dev/shm/stint-test-')),
    starts: 2,
    sandboxes: 0,
    nodeId: randomUUID(),
    sharedKey: randomBytes(32),
    caCertificatePath: undefined,
    onFailure: (message) => failures.push(message),
    ...more,
  };
}

/** Another removal may be under way or done. */
async function removeContainer(docker: Docker, id: string): Promise<void> {
  await docker
    .getContainer(id)
    .remove({ force: true, v: true })
    .catch(() => undefined);
}

/** Files only: the process keeps its own directory while it runs. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
}

export interface Ran {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exit: Exit;
}

/** Reads a started job to its end. */
export async function readJob(running: RunningContainer): Promise<Ran> {
  const [output, exit] = await Promise.all([readStreams(running.output), running.wait()]);
  return { ...output, exit };
}

async function readStreams(output: AsyncIterable<OutputPart>): Promise<Omit<Ran, 'exit'>> {
  const bytes: Record<OutputPart['stream'], Uint8Array[]> = { stdout: [], stderr: [] };
  for await (const part of output) bytes[part.stream].push(Uint8Array.from(part.bytes));
  return { stdout: Buffer.concat(bytes.stdout), stderr: Buffer.concat(bytes.stderr) };
}

/** Runs one job from its preparation to its removal. */
export async function runJob(
  { backend }: DockerBench,
  request: Partial<ContainerRequest>,
  secrets = 'TOKEN: x\n',
): Promise<Ran> {
  const full = containerRequest({ jobId: randomUUID(), fence: 1, ...request });
  await using container = await backend.prepare(full, new AbortController().signal);
  await container.deliver(Buffer.from(secrets));
  return await readJob(await container.start());
}
