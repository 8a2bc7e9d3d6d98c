import pLimit from 'p-limit';
import { type ArchiveRules, defaultArchiveLimits, passwdFile } from './archive/rules.js';
import type { ContainerSettings } from './container/container.js';
import { Leftovers } from './container/leftovers.js';
import { Deliveries } from './delivery/deliveries.js';
import { connectEngine } from './engine/dockerode-engine.js';
import { type DockerBackend, EngineBackend } from './engine-backend.js';
import { identityOf } from './identity.js';
import { ImageFactsReader } from './image/facts.js';
import { Images } from './image/images.js';
import type { PullRecorder } from './image/pull-recorder.js';

export type { DockerBackend } from './engine-backend.js';

/** What a server sets for its backend. */
export interface DockerBackendOptions {
  readonly docker: {
    /** `unix:///path` or `tcp://host:port`. */
    readonly host: string;
    readonly pullTimeoutMs: number;
  };
  /** What every job is limited to. */
  readonly job: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly pids: number;
    readonly network: string;
  };
  /** Of a job's content, unpacked. */
  readonly contentLimitBytes: number;
  readonly secretsDirectory: string;
  /** Containers that are started at once. */
  readonly starts: number;
  readonly nodeId: string;
  /** The key that all nodes of one installation share; by what is made of it we know our own containers. */
  readonly sharedKey: Uint8Array;
  /** Of Vault's authority, put into every container at the same path. */
  readonly caCertificatePath: string | undefined;
  /** Undefined: nobody keeps account of the images that are pulled. */
  readonly pullRecorder?: PullRecorder | undefined;
  /** Told in a sentence of what an operator should look at and no job is to blame for. */
  readonly onFailure: (message: string) => void;
}

const sharedMemoryBytes = 64 * 1024 * 1024;
/** Twice the output that is kept of a job by default. */
const logBytes = 32 * 1024 * 1024;
/** Longer than an engine's restart, shorter than anybody wants to look at a job that says nothing. */
const retryForMs = 120_000;
const longestStallMs = 120_000;

/**
 * Opens the backend on a Docker engine. Asks nothing of the engine yet, so a server starts without it; jobs get a
 * retryable `BrokenError` until it is there. Throws `BrokenError` when the directory for secrets belongs to somebody else.
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
  return new EngineBackend({
    engine,
    settings,
    rules,
    deliveries,
    images: new Images(engine, pullLimitsOf(docker.pullTimeoutMs), options.pullRecorder),
    imageFacts: new ImageFactsReader(engine, settings),
    leftovers: new Leftovers(engine, settings),
    starts: pLimit(options.starts),
    retryForMs,
    isLocal: docker.host.startsWith('unix://'),
    onFailure,
  });
}

function settingsOf({ nodeId, sharedKey, job }: DockerBackendOptions): ContainerSettings {
  const { memoryBytes, cpus, pids, network } = job;
  const limits = { memoryBytes, cpus, pids, network, sharedMemoryBytes, logBytes };
  return { ...identityOf(sharedKey), node: nodeId, ...limits };
}

/** Links are let in: checked as they are, they cannot leave the container's own root. */
function rulesOf({ contentLimitBytes, caCertificatePath }: DockerBackendOptions): ArchiveRules {
  const limits = {
    ...defaultArchiveLimits,
    compressedBytes: contentLimitBytes,
    plainBytes: contentLimitBytes,
  };
  const certificate = caCertificatePath === undefined ? [] : [caCertificatePath.replace(/^\/+/, '')];
  return { limits, allowLinks: true, ownFiles: [passwdFile, ...certificate] };
}

function pullLimitsOf(totalMs: number): { totalMs: number; stallMs: number } {
  return { totalMs, stallMs: Math.min(totalMs, longestStallMs) };
}
