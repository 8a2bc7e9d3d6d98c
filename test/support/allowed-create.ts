import type { CreateOptions, HostOptions } from '../../src/docker/container/container.js';
import { isMountAllowed, type OptionsPolicy } from '../../src/job/options/policy.js';

/** What of the engine's create request a job may have at all. Whatever else there is, somebody has let through. */
const known: readonly (keyof CreateOptions)[] = [
  'Image',
  'Cmd',
  'Entrypoint',
  'WorkingDir',
  'Env',
  'User',
  'Tty',
  'AttachStdin',
  'AttachStdout',
  'AttachStderr',
  'OpenStdin',
  'StdinOnce',
  'ExposedPorts',
  'Healthcheck',
  'Labels',
  'HostConfig',
];
const knownOfHost: readonly (keyof HostOptions)[] = [
  'Init',
  'LogConfig',
  'SecurityOpt',
  'CapDrop',
  'CapAdd',
  'PidsLimit',
  'Memory',
  'MemorySwap',
  'NanoCpus',
  'CpuShares',
  'MemoryReservation',
  'DeviceRequests',
  'Tmpfs',
  'ShmSize',
  'NetworkMode',
  'Ulimits',
  'Mounts',
  'PortBindings',
];
const ourLabels = ['job', 'queue', 'fence', 'installation', 'node', 'secrets', 'tag'].map(
  (name) => `stint.${name}`,
);

/** What of a create request is outside of what the operator allows; empty where nothing is. */
export function findOutside(options: CreateOptions, policy: OptionsPolicy): string[] {
  const { HostConfig: host, Labels: labels } = options;
  const outside = {
    options: notIn(options, known),
    'host options': notIn(host, knownOfHost),
    labels: notIn(labels, ourLabels),
    user: isUser(options, policy) ? [] : [options.User],
    confinement: [host.SecurityOpt, host.CapDrop].filter(
      (list) => !['no-new-privileges', 'ALL'].includes(String(list)),
    ),
    capabilities: (host.CapAdd ?? []).filter((each) => !policy.capabilities.includes(each)),
    network: policy.networks.includes(host.NetworkMode) ? [] : [host.NetworkMode],
    mounts: (host.Mounts ?? []).filter((mount) => !isMount(mount, policy)),
    ports: portsOf(host).filter((port) => !isPort(port, policy)),
    limits: limitsOver(host, policy),
    gpus: (host.DeviceRequests ?? []).filter(
      ({ Count, Capabilities }) => Count > policy.mostGpus || String(Capabilities) !== 'gpu',
    ),
    memory: Object.entries(host.Tmpfs ?? {}).filter(([, how]) => !/nosuid,nodev/.test(how)),
    log: host.LogConfig?.Type === 'local' ? [] : [host.LogConfig],
    ulimits: (host.Ulimits ?? []).filter(({ Name }) => !['core', 'cpu'].includes(Name)),
  };
  return Object.entries(outside).flatMap(([name, found]) =>
    found.map((each) => `${name}: ${JSON.stringify(each)}`),
  );
}

function notIn(object: object, names: readonly string[]): string[] {
  return Object.keys(object).filter((name) => !names.includes(name));
}

/** The user of an image is not named. */
function isUser({ User: user }: CreateOptions, { users }: OptionsPolicy): boolean {
  const allowed = users.map((each) => (each === 'image' ? undefined : `${each.uid}:${each.gid}`));
  return user === '2001:2001' || allowed.includes(user);
}

type MountOf = NonNullable<HostOptions['Mounts']>[number];

function isMount({ Type, Source, ReadOnly, ...rest }: MountOf, { mounts }: OptionsPolicy): boolean {
  const isPlain = notIn(rest, ['Target', 'VolumeOptions']).length === 0;
  const mount = { kind: Type, source: Source ?? '', readOnly: ReadOnly };
  return isPlain && isMountAllowed(mount, mounts);
}

function portsOf({ PortBindings: bindings = {} }: HostOptions): number[] {
  return Object.values(bindings).flatMap((each) => each.map(({ HostPort }) => Number(HostPort)));
}

function isPort(port: number, { ports }: OptionsPolicy): boolean {
  return port === 0 ? ports.length > 0 : ports.some(({ from, to }) => port >= from && port <= to);
}

function limitsOver(host: HostOptions, { most }: OptionsPolicy): string[] {
  const pairs: Record<string, [number | undefined, number]> = {
    Memory: [host.Memory, most.memoryBytes],
    MemorySwap: [host.MemorySwap, most.memoryBytes],
    NanoCpus: [host.NanoCpus, most.cpus * 1e9],
    PidsLimit: [host.PidsLimit, most.pids],
    ShmSize: [host.ShmSize, most.sharedMemoryBytes],
  };
  return Object.entries(pairs).flatMap(([name, [given = -1, limit]]) =>
    given > 0 && given <= limit ? [] : [`${name}=${given}`],
  );
}
