// What a job's container is created with: name, labels, tag, limits and mounts.
import { createHmac } from 'node:crypto';
import type { ContainerRequest } from '../../executor/backend.js';
import type { ContainerOptions, Limits, Mount, PortMapping, UserId } from '../../job/options/options.js';
import { pipesDirectory } from '../../job/options/pipes.js';
import { engineNetwork } from '../engine/networks.js';
import {
  type ConfinedOptions,
  type Confinement,
  confinedOptions,
  temporaryDirectory,
} from '../program/confinement.js';
import { type InitPolicy, withSubreaper } from '../program/init.js';

/** What an operator sets for all containers. */
export interface ContainerSettings {
  /** Id of this stint installation; all its nodes share it. At least 8 letters or digits. */
  readonly installation: string;
  readonly node: string;
  /** Key of the tag by which our own containers are recognized: an image can forge labels alone. */
  readonly tagKey: Uint8Array;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
  /** `bridge`, `none`, `isolated` or the name of a network. */
  readonly network: string;
  readonly sharedMemoryBytes: number;
  readonly confinement: Confinement;
  /** Which process is process 1 of a job: see `needsInit`. */
  readonly init: InitPolicy;
  /** Size of the engine's own log of the output, from which lost output is restored. */
  readonly logBytes: number;
}

/** A container that keeps a network for the one that joins it. */
export interface Sandbox {
  readonly id: string;
  readonly name: string;
}

/** A file of this host that is bound into the container, over whatever the image has there. */
export interface BoundFile {
  readonly source: string;
  readonly target: string;
}

/** The part of the engine's create request that we use: an option that is not listed here cannot be set. */
export interface CreateOptions {
  readonly Image: string;
  readonly Cmd?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly WorkingDir?: string;
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly Tty?: boolean;
  readonly AttachStdin?: false;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly OpenStdin?: boolean;
  /** The input stays open when a client that wrote to it is gone. */
  readonly StdinOnce?: false;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly NetworkDisabled?: boolean;
  readonly Healthcheck?: { readonly Test: readonly ['NONE'] };
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: HostOptions;
}

export interface HostOptions extends Partial<ConfinedOptions> {
  readonly Init?: boolean;
  readonly LogConfig?: { readonly Type: 'local' | 'none'; readonly Config: Readonly<Record<string, string>> };
  readonly PidsLimit?: number;
  readonly Memory?: number;
  readonly MemorySwap?: number;
  readonly NanoCpus?: number;
  readonly CpuShares?: number;
  readonly MemoryReservation?: number;
  readonly DeviceRequests?: readonly DeviceRequest[];
  readonly Tmpfs?: Readonly<Record<string, string>>;
  readonly ShmSize?: number;
  readonly NetworkMode: string;
  readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  readonly Mounts?: readonly MountOptions[];
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[]>>;
}

interface DeviceRequest {
  readonly Count: number;
  readonly Capabilities: readonly (readonly string[])[];
}

export interface MountOptions {
  readonly Type: 'bind' | 'volume';
  /** Undefined: a new volume that is removed with the container. */
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly VolumeOptions?: { readonly NoCopy: true };
}

interface PortBinding {
  readonly HostIp: string;
  /** Empty: the engine chooses one. */
  readonly HostPort: string;
}

/** A job's parameters without its content, which is not part of the create request. */
export type ContainerParameters = Omit<ContainerRequest, 'content'>;

/** The user every job runs as, as numbers because an image need not have a name for it. */
export const jobUser = { uid: 2001, gid: 2001 } as const;

/** Who owns what only the job may read. A job that runs as its image says must be root there to read it. */
export function fileOwner({ user = jobUser }: ContainerOptions): UserId {
  return user === 'image' ? { uid: 0, gid: 0 } : user;
}

/** Made of job and fence alone, so that the engine itself refuses a second container of the same claim. */
export function containerName(
  { installation }: Pick<ContainerSettings, 'installation'>,
  { jobId, fence }: Pick<ContainerParameters, 'jobId' | 'fence'>,
): string {
  return `stint-${installation.slice(0, 8)}-${jobId}-${fence}`;
}

/**
 * The create request of a job's container. An allow-list by construction: only command, directory, environment, terminal
 * and the options that the operator allows reach the engine, and none of them can loosen what is fixed here.
 */
export function createOptions(
  settings: ContainerSettings,
  request: ContainerParameters,
  prepared: Prepared,
): CreateOptions {
  const { imageId, init } = prepared;
  const { user = jobUser, ports = [], stdin = false } = request.options;
  return {
    Image: imageId,
    ...(request.entrypoint.length > 0 && { Entrypoint: [...request.entrypoint] }),
    ...(request.command.length > 0 && { Cmd: [...request.command] }),
    ...(request.workingDirectory !== undefined && { WorkingDir: request.workingDirectory }),
    Env: init ? withSubreaper(request.env) : [...request.env],
    ...(user !== 'image' && { User: `${user.uid}:${user.gid}` }),
    Tty: request.tty,
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: stdin,
    StdinOnce: false,
    ...(ports.length > 0 && { ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])) }),
    Healthcheck: { Test: ['NONE'] }, // The health check of the image would run commands that the job did not ask for.
    Labels: {
      ...jobLabels(settings, request),
      ...(prepared.sandbox && { [sandboxLabel]: prepared.sandbox.name }),
    },
    HostConfig: hostOptions(settings, request, prepared),
  };
}

/** What is known of a container before it is created. */
interface Prepared {
  readonly imageId: string;
  readonly files: readonly BoundFile[];
  readonly mounts: readonly Mount[];
  readonly init: boolean;
  /** Whose network it joins, instead of getting one of its own. */
  readonly sandbox?: Sandbox | undefined;
}

function hostOptions(
  settings: ContainerSettings,
  { options, policy }: ContainerParameters,
  { files, mounts, init, sandbox }: Prepared,
): HostOptions {
  const { limits = {}, network, ports = [], gpus } = options;
  const memoryBytes = limits.memoryBytes ?? settings.memoryBytes;
  return {
    Init: init,
    LogConfig: { Type: 'local', Config: logConfig(settings.logBytes) },
    ...confinedOptions(settings.confinement, policy.capabilities),
    PidsLimit: limits.pids ?? settings.pids,
    Memory: memoryBytes,
    MemorySwap: memoryBytes, // Equal to `Memory`: no swap, where secrets could end up on a disk.
    NanoCpus: Math.round((limits.cpus ?? settings.cpus) * 1e9),
    ShmSize: limits.sharedMemoryBytes ?? settings.sharedMemoryBytes,
    NetworkMode: sandbox ? `container:${sandbox.id}` : engineNetwork(network ?? settings.network),
    Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }, ...cpuLimit(limits)], // A core file contains whatever the job had in memory.
    Mounts: [...files.map(toMount), ...mounts.map(toJobMount), ...pipesMount(options)],
    ...(ports.length > 0 && { PortBindings: portBindings(ports) }),
    ...(gpus !== undefined && { DeviceRequests: [{ Count: gpus, Capabilities: [['gpu']] }] }),
    ...reservations(options),
    ...inMemory(options, settings.confinement, memoryBytes),
  };
}

/** What Docker gives a container that asks for nothing is one CPU's worth. */
const sharesOfCpu = 1024;
const mostShares = 262_144;

function reservations({ reserved = {} }: ContainerOptions): Partial<HostOptions> {
  const { cpus, memoryBytes } = reserved;
  return {
    ...(cpus !== undefined && { CpuShares: Math.min(mostShares, Math.round(cpus * sharesOfCpu)) }),
    ...(memoryBytes !== undefined && { MemoryReservation: memoryBytes }),
  };
}

/** What is written in memory: `/tmp` where nothing else can be written, and the home directory. */
function inMemory(
  options: ContainerOptions,
  confinement: Confinement,
  memoryBytes: number,
): Partial<HostOptions> {
  const taken = (options.mounts ?? []).map(({ target }) => target);
  const directories = {
    ...temporaryDirectory(confinement, memoryBytes, taken),
    ...homeDirectory(options, memoryBytes),
  };
  return Object.keys(directories).length === 0 ? {} : { Tmpfs: directories };
}

/** A volume would belong to root, and a job that is not root could not write to it. */
function homeDirectory(options: ContainerOptions, memoryBytes: number): Record<string, string> {
  const { home } = options;
  if (home === undefined) return {};
  const { uid, gid } = fileOwner(options);
  return { [home]: `exec,nosuid,nodev,mode=0700,uid=${uid},gid=${gid},size=${memoryBytes}` };
}

/** Two files of half the size: the engine drops the older one when the newer one is full. */
function logConfig(bytes: number): Record<string, string> {
  return { 'max-size': String(Math.ceil(bytes / 2)), 'max-file': '2', compress: 'false' };
}

/** `Mounts`, never `Binds`: with `Binds` the engine creates a directory when the source is missing. */
function toMount({ source, target }: BoundFile): MountOptions {
  return { Type: 'bind', Source: source, Target: target, ReadOnly: true };
}

function toJobMount({ kind, source, target, readOnly }: Mount): MountOptions {
  const mount = { Type: kind, Source: source, Target: target, ReadOnly: readOnly };
  return kind === 'volume' ? { ...mount, VolumeOptions: { NoCopy: true } } : mount;
}

/** Empty where there are none. The directory is root's: a program that is not root cannot put anything in their place. */
function pipesMount({ pipes = [] }: ContainerOptions): MountOptions[] {
  if (pipes.length === 0) return [];
  return [{ Type: 'volume', Target: pipesDirectory, ReadOnly: false, VolumeOptions: { NoCopy: true } }];
}

/**
 * Of each process, for a time in which nobody watches: the executor watches the sum, and comes first. The kernel sends
 * SIGXCPU, and SIGKILL a second later.
 */
function cpuLimit({ cpuTimeMs }: Limits): HostOptions['Ulimits'] & object {
  if (cpuTimeMs === undefined) return [];
  const seconds = Math.ceil(cpuTimeMs / 1000) + cpuMarginSeconds;
  return [{ Name: 'cpu', Soft: seconds, Hard: seconds + 1 }];
}

const cpuMarginSeconds = 5;

function portKey({ container }: PortMapping): string {
  return `${container}/tcp`;
}

/** One port of the container may be published more than once. */
function portBindings(ports: readonly PortMapping[]): Record<string, PortBinding[]> {
  const bindings: Record<string, PortBinding[]> = {};
  for (const port of ports) {
    const HostIp = port.loopbackOnly ? '127.0.0.1' : '';
    const HostPort = port.host === 0 ? '' : String(port.host);
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), { HostIp, HostPort }];
  }
  return bindings;
}

/** Set on every container of a job. They override the labels of its image. */
function jobLabels(settings: ContainerSettings, request: ContainerParameters): Record<string, string> {
  return {
    'stint.job': request.jobId,
    'stint.queue': request.queue ?? '',
    'stint.fence': String(request.fence),
    'stint.installation': settings.installation,
    'stint.node': settings.node,
    [secretsLabel]: request.secretsPath ?? '',
    [tagLabel]: jobTag(settings, request),
  };
}

export const tagLabel = 'stint.tag';
/** The name of the sandbox whose network it has. */
export const sandboxLabel = 'stint.sandbox';
/** Holds the path of the secrets file in the container; empty where there is none. */
export const secretsLabel = 'stint.secrets';

/** A tag that only this installation can compute: it tells our containers from those that only copy our labels. */
export function jobTag(
  { tagKey, installation }: Pick<ContainerSettings, 'tagKey' | 'installation'>,
  { jobId, fence }: Pick<ContainerParameters, 'jobId' | 'fence'>,
): string {
  return keyedTag(tagKey, [installation, jobId, String(fence)]);
}

/** Each part is preceded by its length, so that no two lists give the same text. */
export function keyedTag(key: Uint8Array, parts: readonly string[]): string {
  const text = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return createHmac('sha256', key).update(text).digest('hex');
}
