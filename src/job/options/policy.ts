// Says what the operator lets jobs ask of their containers, and finds what a job asks beyond that.

import type { OptionField, OptionNames } from './check-options.js';
import type { ContainerOptions, Limits, Mount, PortMapping, UserId } from './options.js';

/** What jobs may ask for. Empty lists allow nothing but what every job gets anyway. */
export interface OptionsPolicy {
  readonly users: readonly (UserId | 'image')[];
  /** Beside the one of all jobs; `host` too has to be named. */
  readonly networks: readonly string[];
  /** Ports of the node, both ends included. One that the engine chooses is allowed when there is any range. */
  readonly ports: readonly { readonly from: number; readonly to: number }[];
  readonly mounts: readonly AllowedMount[];
  /** The longest time between the stop signal and SIGKILL, in milliseconds. */
  readonly mostStopGraceMs: number;
  readonly most: Required<Pick<Limits, 'cpus' | 'memoryBytes' | 'pids' | 'sharedMemoryBytes'>>;
}

export interface AllowedMount {
  readonly kind: Mount['kind'];
  /** A path, which stands for all below it too, or the name of a volume. */
  readonly source: string;
  readonly readOnly: boolean;
}

/** Allows nothing: for a server whose operator set nothing. */
export const strictPolicy: OptionsPolicy = {
  users: [],
  networks: [],
  ports: [],
  mounts: [],
  mostStopGraceMs: 0,
  most: { cpus: 0, memoryBytes: 0, pids: 0, sharedMemoryBytes: 0 },
};

/** One sentence for each thing that the operator does not allow, with the client's names for the fields. */
export function findForbidden(
  options: ContainerOptions,
  policy: OptionsPolicy,
  names: OptionNames = {},
): string[] {
  const { user, network, ports = [], mounts = [], limits = {}, stopGraceMs = 0 } = options;
  const forbid = (field: OptionField, what: string, setting: string) =>
    `Not allowed by the operator: \`${names[field] ?? field}\` asks for ${what} (${setting}).`;
  return [
    ...(user === undefined || isUserAllowed(user, policy)
      ? []
      : [forbid('user', describeUser(user), 'STINT_ALLOW_USERS')]),
    ...(network === undefined || policy.networks.includes(network)
      ? []
      : [forbid('network', `the network "${network}"`, 'STINT_ALLOW_NETWORKS')]),
    ...ports
      .filter((port) => !isPortAllowed(port, policy))
      .map(({ host }) =>
        forbid('ports', host === 0 ? 'a published port' : `port ${host} of the node`, 'STINT_ALLOW_PORTS'),
      ),
    ...mounts
      .filter((mount) => !isMountAllowed(mount, policy.mounts))
      .map((mount) => forbidMount(mount, forbid)),
    ...overLimits(limits, policy, forbid),
    ...(stopGraceMs <= policy.mostStopGraceMs
      ? []
      : [
          forbid(
            'stopGraceMs',
            `${stopGraceMs} ms, and at most ${policy.mostStopGraceMs} ms are allowed`,
            'STINT_STOP_GRACE_MAX',
          ),
        ]),
  ];
}

type Forbid = (field: OptionField, what: string, setting: string) => string;

type User = NonNullable<ContainerOptions['user']>;

/** The user of an image may be root: it is allowed only by name. */
function isUserAllowed(asked: User, { users }: OptionsPolicy): boolean {
  return users.some((user) => describeUser(user) === describeUser(asked));
}

function describeUser(user: User): string {
  return user === 'image' ? 'the user of its image' : `user ${user.uid}:${user.gid}`;
}

function isPortAllowed({ host }: PortMapping, { ports }: OptionsPolicy): boolean {
  return host === 0 ? ports.length > 0 : ports.some(({ from, to }) => host >= from && host <= to);
}

/** A path is allowed with all below it; read-write only where that was allowed. */
export function isMountAllowed(
  { kind, source, readOnly }: Pick<Mount, 'kind' | 'source' | 'readOnly'>,
  allowed: readonly AllowedMount[],
): boolean {
  return allowed.some((each) => {
    if (each.kind !== kind || (each.readOnly && !readOnly)) return false;
    if (each.source === source) return true;
    return kind === 'bind' && source.startsWith(each.source === '/' ? '/' : `${each.source}/`);
  });
}

function forbidMount({ kind, source, readOnly }: Mount, forbid: Forbid): string {
  const what = `${kind === 'bind' ? 'the path' : 'the volume'} "${source}"${readOnly ? '' : ' read-write'}`;
  return forbid('mounts', what, kind === 'bind' ? 'STINT_ALLOW_MOUNTS' : 'STINT_ALLOW_VOLUMES');
}

const settingOf = {
  cpus: 'STINT_JOB_CPUS_MAX',
  memoryBytes: 'STINT_JOB_MEMORY_MAX',
  pids: 'STINT_JOB_PIDS',
  sharedMemoryBytes: 'STINT_JOB_SHM_MAX',
} as const;

function overLimits(limits: Limits, { most }: OptionsPolicy, forbid: Forbid): string[] {
  return (Object.keys(settingOf) as (keyof typeof settingOf)[]).flatMap((field) => {
    const asked = limits[field];
    if (asked === undefined || asked <= most[field]) return [];
    return [forbid(field, `${asked}, and at most ${most[field]} is allowed`, settingOf[field])];
  });
}
