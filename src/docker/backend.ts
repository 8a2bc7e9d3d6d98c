// Builds the Docker backend and its parts from the settings of the server.
import pLimit from 'p-limit';
import { type ArchiveRules, defaultArchiveLimits, passwdFile } from './archive/rules.js';
import type { ContainerSettings } from './container/container.js';
import { Leftovers } from './container/leftovers.js';
import { Deliveries } from './delivery/deliveries.js';
import { connectEngine } from './engine/dockerode-engine.js';
import { isolated } from './engine/networks.js';
import { type DockerBackend, EngineBackend } from './engine-backend.js';
import { identityOf } from './identity.js';
import { ImageFactsReader } from './image/facts.js';
import { Images, type ImagesOptions } from './image/images.js';
import type { PrivateImages } from './image/private-images.js';
import type { PullRecorder } from './image/pull-recorder.js';
import { ImageVerifier } from './image/verifier.js';
import { type Confinement, usualConfinement } from './program/confinement.js';
import type { InitPolicy } from './program/init.js';
import { Sandboxes } from './sandbox/sandboxes.js';

export type { DockerBackend } from './engine-backend.js';

/** What a server sets for its backend. */
export interface DockerBackendOptions {
  readonly docker: {
    /** `unix:///path` or `tcp://host:port`. */
    readonly host: string;
    readonly pullTimeoutMs: number;
    /** Where the containerd that has the images keeps them; undefined: found out from the engine. */
    readonly containerdRoot?: string | undefined;
    /** Of the program that says which images may run; undefined: all may. */
    readonly verifier?: { readonly program: string; readonly timeoutMs: number } | undefined;
  };
  /** What every job is limited to. */
  readonly job: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly pids: number;
    readonly network: string;
    readonly sharedMemoryBytes: number;
    readonly init: InitPolicy;
  };
  /** Undefined: as usual. */
  readonly confinement?: Confinement | undefined;
  /** Of a job's content, unpacked. */
  readonly contentLimitBytes: number;
  readonly secretsDirectory: string;
  /** Containers that are started at once. */
  readonly starts: number;
  /** Networks that are made ahead for the next jobs, where jobs run on the isolated one. */
  readonly sandboxes: number;
  readonly nodeId: string;
  /** The key that all nodes of one installation share; our own containers are recognized by a tag derived from it. */
  readonly sharedKey: Uint8Array;
  /** The CA certificate of Vault, put into every container at the same path. */
  readonly caCertificatePath: string | undefined;
  /** Undefined: pulled images are not recorded. */
  readonly pullRecorder?: PullRecorder | undefined;
  /** Undefined: known to this process alone. */
  readonly privateImages?: PrivateImages | undefined;
  /** Called with a sentence for the operator about a failure that is no job's fault. */
  readonly onFailure: (message: string) => void;
}

/** Twice the output that is kept of a job by default. */
const logBytes = 32 * 1024 * 1024;
/** Longer than a restart of the engine takes, but short enough that a job without news does not hang for long. */
const retryForMs = 120_000;
const longestStallMs = 120_000;

/**
 * Opens the backend on a Docker engine. Sends no request yet, so a server starts without its engine; jobs get a
 * retryable `BrokenError` until it answers. Throws `BrokenError` when another user owns the directory for secrets.
 */
export async function openDockerBackend(options: DockerBackendOptions): Promise<DockerBackend> {
  const { docker, secretsDirectory, caCertificatePath, onFailure } = options;
  const engine = await connectEngine(docker.host);
  const settings = settingsOf(options);
  const rules = rulesOf(options);
  const deliveries = await Deliveries.open(
    { engine, rules, caCertificatePath },
    { dockerHost: docker.host, secretsDirectory, onFailure },
  );
  const starts = pLimit(options.starts);
  const most = settings.network === isolated ? options.sandboxes : 0;
  const backend: DockerBackend = new EngineBackend({
    engine,
    settings,
    rules,
    deliveries,
    images: new Images(engine, { ...imagesOptionsOf(options), check: () => backend.check() }),
    verifier: verifierOf(options),
    imageFacts: new ImageFactsReader(engine, settings),
    leftovers: new Leftovers(engine, settings),
    sandboxes: new Sandboxes({ engine, settings, starts, most, onFailure }),
    starts,
    retryForMs,
    isLocal: docker.host.startsWith('unix://'),
    containerdRoot: docker.containerdRoot,
    onFailure,
  });
  return backend;
}

function settingsOf({
  nodeId,
  sharedKey,
  job,
  confinement = usualConfinement,
}: DockerBackendOptions): ContainerSettings {
  const { memoryBytes, cpus, pids, network, init, sharedMemoryBytes } = job;
  const limits = { memoryBytes, cpus, pids, network, init, sharedMemoryBytes, logBytes };
  return { ...identityOf(sharedKey), node: nodeId, confinement, ...limits };
}

/** Links are accepted: after the checks they cannot leave the container's own root. */
function rulesOf({ contentLimitBytes, caCertificatePath }: DockerBackendOptions): ArchiveRules {
  const limits = {
    ...defaultArchiveLimits,
    compressedBytes: contentLimitBytes,
    plainBytes: contentLimitBytes,
  };
  const certificate = caCertificatePath === undefined ? [] : [caCertificatePath.replace(/^\/+/, '')];
  return { limits, allowLinks: true, ownFiles: [passwdFile, ...certificate] };
}

function verifierOf({ docker: { verifier }, onFailure }: DockerBackendOptions): ImageVerifier | undefined {
  return verifier && new ImageVerifier({ ...verifier, onFailure });
}

function imagesOptionsOf({
  docker,
  pullRecorder: recorder,
  privateImages,
}: DockerBackendOptions): ImagesOptions {
  const totalMs = docker.pullTimeoutMs;
  return { limits: { totalMs, stallMs: Math.min(totalMs, longestStallMs) }, recorder, privateImages };
}
