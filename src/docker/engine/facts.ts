// Converts the answers of the engine into our own types.
import type Docker from 'dockerode';
import { findImageProblem } from '../../job/image-reference.js';
import type { PublishedPort } from '../../job/options/options.js';
import type {
  ContainerFacts,
  EngineState,
  EngineVersion,
  FoundImage,
  ListedContainer,
  ListedImage,
  ListedProcess,
  PathFacts,
} from './engine.js';
import { EngineError } from './errors.js';

export function toEngineVersion(answer: Docker.DockerVersion): EngineVersion {
  const [engine] =
    (answer as { readonly Components?: readonly { readonly Name?: string }[] }).Components ?? [];
  return { name: engine?.Name ?? '', serverVersion: answer.Version, apiVersion: answer.ApiVersion };
}

/** The part of `/info` that we read; the client library has no type for it. */
interface Info {
  readonly ID?: string;
  readonly SystemTime?: string;
  readonly Containers?: number;
  readonly ContainersRunning?: number;
  readonly ContainersPaused?: number;
  readonly ContainersStopped?: number;
  readonly Images?: number;
  readonly MemTotal?: number;
  readonly NCPU?: number;
  readonly Architecture?: string;
  readonly OperatingSystem?: string;
  readonly ServerVersion?: string;
  readonly DockerRootDir?: string;
  readonly DriverStatus?: readonly (readonly string[])[] | null;
  readonly Containerd?: { readonly Address?: string } | null;
  readonly SecurityOptions?: readonly string[] | null;
  readonly MemoryLimit?: boolean;
  readonly SwapLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
}

export function toEngineState(answer: Info): EngineState {
  return {
    id: answer.ID ?? '',
    clock: toDate(answer.SystemTime ?? ''),
    containers: answer.Containers ?? 0,
    containersRunning: answer.ContainersRunning ?? 0,
    containersPaused: answer.ContainersPaused ?? 0,
    containersStopped: answer.ContainersStopped ?? 0,
    images: answer.Images ?? 0,
    memTotalBytes: answer.MemTotal ?? 0,
    cpus: answer.NCPU ?? 0,
    architecture: answer.Architecture ?? '',
    operatingSystem: answer.OperatingSystem ?? '',
    serverVersion: answer.ServerVersion ?? '',
    dataRoot: answer.DockerRootDir ?? '',
    hasSystemStore: hasSystemStore(answer),
    securityOptions: answer.SecurityOptions ?? [],
    missingLimits: missingLimits(answer),
  };
}

/** A containerd that the engine starts itself has its socket and its data below the engine's own directories. */
function hasSystemStore({ DriverStatus: status, Containerd: containerd }: Info): boolean {
  const isContainerd = (status ?? []).some(
    (row) => row[1]?.startsWith('io.containerd.snapshotter.') === true,
  );
  return isContainerd && /^(\/var)?\/run\/containerd\/containerd\.sock$/.test(containerd?.Address ?? '');
}

function missingLimits(answer: Info): string[] {
  const limits = {
    memory: answer.MemoryLimit,
    swap: answer.SwapLimit,
    cpu: answer.CpuCfsQuota,
    pids: answer.PidsLimit,
  };
  return Object.entries(limits).flatMap(([name, works]) => (works === false ? [name] : []));
}

/** Engines leave out, or set to null, what an image does not say. */
export interface ImageAnswer {
  readonly Id: string;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly RepoDigests?: readonly string[] | null;
  readonly RootFS?: { readonly Layers?: readonly string[] | null } | null;
  readonly Config?: {
    readonly Entrypoint?: string | readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
  } | null;
}

export function toFoundImage({
  Id: id,
  Config,
  Os,
  Architecture,
  RepoDigests,
  RootFS,
}: ImageAnswer): FoundImage {
  const { Entrypoint, Cmd, Env, WorkingDir, Labels } = Config ?? {};
  const config = {
    entrypoint: typeof Entrypoint === 'string' ? [Entrypoint] : (Entrypoint ?? []),
    command: Cmd ?? [],
    env: Env ?? [],
    workingDirectory: WorkingDir ?? '',
    labels: Labels ?? {},
  };
  const layers = RootFS?.Layers ?? [];
  const isHollow = layers.length === 0 && Os === '' && Architecture === '';
  return { id, config, layers, digests: RepoDigests ?? [], isHollow };
}

export interface DistributionAnswer {
  readonly Descriptor?: { readonly digest?: unknown };
}

/** It becomes part of the image's name, so it must be one. */
export function toDigest({ Descriptor }: DistributionAnswer): string {
  const digest = Descriptor?.digest;
  if (typeof digest === 'string' && findImageProblem(`x@${digest}`) === undefined) return digest;
  throw new EngineError('resolve', 'broken', '');
}

export function toContainerFacts(answer: Docker.ContainerInspectInfo): ContainerFacts {
  const { State: state } = answer;
  return {
    id: answer.Id,
    labels: answer.Config.Labels,
    status: state.Status,
    exitCode: state.ExitCode,
    outOfMemory: state.OOMKilled,
    startedAt: toDate(state.StartedAt),
    finishedAt: toDate(state.FinishedAt),
    pid: state.Pid > 0 ? state.Pid : undefined,
    tty: answer.Config.Tty ?? false,
    mounts: (answer.Mounts ?? []).map(({ Source, Destination }) => ({ source: Source, target: Destination })),
    ports: publishedPorts(answer),
  };
}

/** An engine that publishes on IPv4 and IPv6 names both, with the same port in all but rare cases: the first counts. */
function publishedPorts({ NetworkSettings }: Docker.ContainerInspectInfo): PublishedPort[] {
  return Object.entries(NetworkSettings?.Ports ?? {}).flatMap(([key, bindings]) => {
    const [container, protocol] = key.split('/');
    const host = Number(bindings?.[0]?.HostPort ?? 0);
    return protocol === 'tcp' && host > 0 ? [{ container: Number(container), host }] : [];
  });
}

export function toListedContainer(answer: Docker.ContainerInfo): ListedContainer {
  return {
    id: answer.Id,
    name: (answer.Names[0] ?? '').replace(/^\//, ''),
    labels: answer.Labels,
    createdAt: new Date(answer.Created * 1000),
  };
}

/** Some engines list an image without names, or whose names moved to a newer one, as `<none>:<none>`. */
export function toListedImage(answer: Docker.ImageInfo): ListedImage {
  const names = (answer.RepoTags ?? []).filter((name) => name !== '<none>:<none>');
  return { id: answer.Id, names, sizeBytes: answer.Size };
}

/** One row for each process; null for none. */
export interface TopAnswer {
  readonly Processes?: readonly unknown[] | null;
}

/** Arguments of `ps`. The engine needs the pid. */
export const processColumns = '-eo pid,pcpu,pmem,rss,vsz';

/** `ps` counts memory in KiB. */
export function toListedProcesses({ Processes: rows }: TopAnswer): ListedProcess[] {
  return (rows ?? []).map((row) => {
    const [, cpuPercent = 0, memoryPercent = 0, rss = 0, vsz = 0] = (row as readonly string[]).map(Number);
    return { cpuPercent, memoryPercent, residentBytes: rss * 1024, virtualBytes: vsz * 1024 };
  });
}

/** Bits of Go's file modes. */
const directoryBit = 2 ** 31;
const linkBit = 2 ** 27;

/** Reads the header of an answer about a path: base64 of JSON. */
export function toPathFacts(header: string | string[] | undefined): PathFacts | undefined {
  if (typeof header !== 'string') return undefined;
  const { mode, linkTarget } = JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat;
  const has = (bit: number) => Math.floor((mode ?? 0) / bit) % 2 === 1;
  if (has(directoryBit)) return { kind: 'directory', target: undefined };
  if (!has(linkBit)) return { kind: 'other', target: undefined };
  return { kind: 'link', target: linkTarget?.startsWith('/') ? linkTarget : undefined };
}

interface PathStat {
  readonly mode?: number;
  readonly linkTarget?: string;
}

/** The engine writes "never" as the first second of year 1. */
function toDate(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() <= 1 ? undefined : date;
}

/** In milliseconds. The engine answers with zero, or nothing, for a container that does not run. */
export function toCpuTime(answer: Pick<Docker.ContainerStats, 'cpu_stats'>): number | undefined {
  const used =
    (answer.cpu_stats as { cpu_usage?: { total_usage?: number } } | undefined)?.cpu_usage?.total_usage ?? 0;
  return used > 0 ? used / 1e6 : undefined;
}
