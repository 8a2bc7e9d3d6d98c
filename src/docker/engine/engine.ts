// The requests that stint makes to a Docker engine, and what they answer.

import type { Readable } from 'node:stream';
import type { RegistryLogin } from '../../executor/backend.js';
import type { PublishedPort } from '../../job/options/options.js';
import type { CreateOptions } from '../container/container.js';
import type { ImageConfig } from '../program/arguments.js';

/**
 * An interface, so that only one file knows the client library.
 *
 * Every method has its own deadline and throws `EngineError`, or the reason of the given signal. `find…` returns
 * undefined when the engine says that there is no such thing.
 */
export interface Engine {
  version(): Promise<EngineVersion>;
  info(): Promise<EngineState>;
  hasNetwork(name: string): Promise<boolean>;
  findNetwork(name: string): Promise<NetworkFacts | undefined>;
  createNetwork(options: NetworkOptions): Promise<void>;

  findImage(reference: string): Promise<FoundImage | undefined>;
  /** Of an archive as `docker save` writes it, with its names. */
  loadImage(archive: Readable): Promise<void>;
  listImages(): Promise<ListedImage[]>;
  /**
   * Removes one name, and the image with its last name. False: a container uses it, or another image needs its layers.
   */
  removeImage(idOrName: string): Promise<boolean>;
  /** Ids of the images that any container uses, running or not: of the same kind as those of `listImages`. */
  imagesInUse(): Promise<ReadonlySet<string>>;
  /**
   * Progress of the pull, one object per step. Ends when the image is present; stopping the iteration cancels the pull. What the
   * engine has of an image already, by its digest, it takes without asking the registry, whatever the login.
   */
  pull(reference: string, signal: AbortSignal, login?: RegistryLogin): AsyncIterable<PullStep>;
  /** The digest that the registry has under the name. Always asked of it: it decides whether this login may have the image. */
  resolve(reference: string, signal: AbortSignal, login?: RegistryLogin): Promise<string>;

  /** Returns the id of the new container. */
  create(name: string, options: CreateOptions): Promise<string>;
  findContainer(idOrName: string): Promise<ContainerFacts | undefined>;
  /** All containers with this label, running or not. */
  listContainers(label: string): Promise<ListedContainer[]>;
  /** Unpacks a plain tar at `/`. Called only on a container that was not started. */
  upload(id: string, tar: Readable, signal?: AbortSignal): Promise<void>;
  /** One file as a tar. Called only on a container that was not started or has no mounts. */
  findFile(id: string, path: string): Promise<Readable | undefined>;
  /**
   * What is at a path. Undefined where there is nothing, and where the engine fails at it, as for a link to itself: it
   * gives no reason. Only ever called on a container that was not started.
   */
  findPath(id: string, path: string): Promise<PathFacts | undefined>;

  /** Resolves when the engine has attached the stream; it carries what the container prints from then on. */
  attach(id: string): Promise<Readable>;
  start(id: string): Promise<void>;
  /** Writes to the standard input of a container, which stays open. For one that has ended the engine waits until it is started again. */
  write(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Resolves when the container is not running; called before the start, it resolves at once. */
  wait(id: string, signal: AbortSignal): Promise<void>;
  /** What the engine's log has kept, framed like the attached stream. Complete only after the container's end. */
  readLog(id: string): Promise<Readable>;
  /** The log from its beginning. */
  openLog(id: string, how: LogReading): Promise<Readable>;
  /** What the engine's latest events say of a container's end. A restart clears the events. */
  recallEnd(id: string, connection: EngineConnection): Promise<RememberedEnd>;
  /** CPU time of a container in milliseconds; undefined where the engine has no figure, as for one that has ended. */
  cpuTime(id: string): Promise<number | undefined>;
  /** Whether the engine's latest events up to this time, by its clock, have a SIGKILL for the container. */
  wasKilled(id: string, until: Date): Promise<boolean>;
  /**
   * False: the runtime below the engine has no process of the container, whatever the engine says of it. Throws where that is
   * not certain.
   */
  hasTask(id: string): Promise<boolean>;
  /** Also succeeds for a container that has already ended. */
  stop(id: string, graceMs: number): Promise<void>;
  kill(id: string): Promise<void>;
  /** By Linux's number. False: the container does not run. */
  signal(id: string, signal: number): Promise<boolean>;
  /** The processes of a container, as `ps` on the engine's host shows them. Throws where the engine cannot tell. */
  processes(id: string): Promise<readonly ListedProcess[]>;
  /** Removes it with its anonymous volumes, running or not. */
  remove(id: string): Promise<void>;

  /** Closes idle connections. */
  close(): void;
}

export interface NetworkFacts {
  /** Containers on it do not reach each other there. */
  readonly keepsApart: boolean;
}

/** The part of the engine's request for a network that we use. */
export interface NetworkOptions {
  readonly Name: string;
  readonly Driver: 'bridge';
  readonly CheckDuplicate: true;
  readonly Options: Readonly<Record<string, string>>;
}

export interface FoundImage {
  /**
   * As this engine names it, and only to be compared with what the same engine says: the digest of the image's configuration
   * where the engine keeps images itself, the digest of its manifest or index where containerd keeps them.
   */
  readonly id: string;
  readonly config: ImageConfig;
  /**
   * Digests of its unpacked layers, the same at every engine: what names its content. The id of an index does not, a later pull
   * can change what is behind it. Empty where the engine does not say.
   */
  readonly layers: readonly string[];
  /** What registries know it by, as `repository@digest`. */
  readonly digests: readonly string[];
  /** The engine lists it and has nothing of it for its own processor: a failed pull left that, or a pull for another one. */
  readonly isHollow: boolean;
}

/** An engine that is being stopped refuses new connections, but still answers on those that are open. */
export type EngineConnection = 'any' | 'new';

export interface RememberedEnd {
  /** By the engine's clock; undefined when the events do not include the end. */
  readonly endedAt: Date | undefined;
  /** The engine sent a signal to the container, for a client or on its own. */
  readonly wasSignalled: boolean;
}

export interface EngineVersion {
  /** What the engine calls itself; empty where it does not say. */
  readonly name: string;
  readonly serverVersion: string;
  /** The newest API version of the engine, such as `1.41`. */
  readonly apiVersion: string;
}

export interface EngineState {
  /** The engine's own time; undefined when it does not report it. */
  readonly clock: Date | undefined;
  /** Its id, the same across restarts. */
  readonly id: string;
  readonly containers: number;
  readonly containersRunning: number;
  readonly containersPaused: number;
  readonly containersStopped: number;
  readonly images: number;
  readonly memTotalBytes: number;
  readonly cpus: number;
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly serverVersion: string;
  /** The directory of its images and containers, on its own host. */
  readonly dataRoot: string;
  /** Images and the files of containers are kept by the containerd of the system, and not below `dataRoot`. */
  readonly hasSystemStore: boolean;
  /** Such as `name=seccomp,profile=default` or `name=userns`. */
  readonly securityOptions: readonly string[];
  /** Limits that this engine cannot enforce: `memory`, `swap`, `cpu`, `pids`. */
  readonly missingLimits: readonly string[];
}

export interface PullStep {
  readonly status: string;
  /** Differs from the previous step's whenever there was progress. */
  readonly mark: string;
  /** Set when the pull failed: the engine reports that inside an answer with status 200. */
  readonly error: string | undefined;
}

export interface LogReading {
  /** Continues with new messages until the container ends; may lack a last line without a newline. */
  readonly follow: boolean;
  /** Each message begins with its time and a space; pieces of one line have the same time. */
  readonly timestamps: boolean;
  readonly signal: AbortSignal;
}

export interface ContainerFacts {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly status: string;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Undefined: it was never started. */
  readonly startedAt: Date | undefined;
  /** Undefined: it never ended. */
  readonly finishedAt: Date | undefined;
  /** PID of its first process on the engine's host; undefined when none runs. */
  readonly pid: number | undefined;
  readonly tty: boolean;
  readonly mounts: readonly FoundMount[];
  /** TCP ports that are published now. */
  readonly ports: readonly PublishedPort[];
}

/** Of a volume `source` is its directory on the engine's host. */
export interface FoundMount {
  readonly source: string;
  readonly target: string;
}

export interface ListedProcess {
  /** Of one CPU, since its start. */
  readonly cpuPercent: number;
  /** Of the memory of the host. */
  readonly memoryPercent: number;
  readonly residentBytes: number;
  readonly virtualBytes: number;
}

export interface PathFacts {
  readonly kind: 'directory' | 'link' | 'other';
  /** Of a link: where it leads in the container, as an absolute path. */
  readonly target: string | undefined;
}

export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

export interface ListedImage {
  /** See `FoundImage`. */
  readonly id: string;
  /** Its tags; none when it was pulled by digest, or when they moved to a newer image. */
  readonly names: readonly string[];
  /** Including all layers, shared or not. A containerd store counts them packed and unpacked here; its inspect only packed. */
  readonly sizeBytes: number;
}
