// Says what the operator lets jobs ask of their containers, and finds what a job asks beyond that.

import { type ImagePolicy, usualImages } from './image-policy.js';
import { nameOf, type OptionField, type OptionNames } from './option-names.js';
import type { ContainerOptions, Mount, PortMapping, UserId } from './options.js';
import { type AmountsPolicy, type Forbid, overLimits } from './over-limits.js';

/** What jobs may ask for. Empty lists of options allow nothing but what every job gets anyway. */
export interface OptionsPolicy extends AmountsPolicy {
  /** `findForbiddenImage` compares an image with it. */
  readonly images: ImagePolicy;
  readonly users: readonly (UserId | 'image')[];
  /** Beside the one of all jobs; `host` too has to be named. */
  readonly networks: readonly string[];
  /** Ports of the node, both ends included. One that the engine chooses is allowed when there is any range. */
  readonly ports: readonly { readonly from: number; readonly to: number }[];
  readonly mounts: readonly AllowedMount[];
  /** What nobody asks for: a job of root has them, any other only where its programs are so marked. */
  readonly capabilities: readonly string[];
  /** The longest time between the stop signal and SIGKILL, in milliseconds. */
  readonly mostStopGraceMs: number;
}

export interface AllowedMount {
  readonly kind: Mount['kind'];
  /** A path, which stands for all below it too, or the name of a volume. */
  readonly source: string;
  readonly readOnly: boolean;
}

/** Allows no options: for a server whose operator set nothing. */
export const strictPolicy: OptionsPolicy = {
  images: usualImages,
  users: [],
  networks: [],
  ports: [],
  mounts: [],
  capabilities: [],
  mostStopGraceMs: 0,
  mostGpus: 0,
  usual: { cpus: 0, memoryBytes: 0 },
  most: { cpus: 0, memoryBytes: 0, pids: 0, sharedMemoryBytes: 0 },
};

/** One sentence for each thing that the operator does not allow, with the client's names for the fields. */
export function findForbidden(
  options: ContainerOptions,
  policy: OptionsPolicy,
  names: OptionNames = {},
): string[] {
  const { user, network, ports = [], mounts = [], stopGraceMs = 0 } = options;
  const forbid = (field: OptionField, what: string, setting: string) =>
    `Not allowed by the operator: \`${nameOf(field, names)}\` asks for ${what} (${setting}).`;
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
    ...overLimits(options, policy, { forbid, names }),
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
  return kind === 'bind'
    ? forbid('mounts', what, 'STINT_ALLOW_MOUNTS')
    : forbid('volumes', what, 'STINT_ALLOW_VOLUMES');
}
