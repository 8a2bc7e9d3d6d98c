// Turns the fields of a Run:AI job into those of the model.

import type { FieldNames } from '../../job/check.js';
import type { SpecFields } from '../../job/job.js';
import type {
  ContainerOptions,
  Limits,
  Mount,
  PortMapping,
  Reservations,
} from '../../job/options/options.js';
import type { OptionsPolicy } from '../../job/options/policy.js';
import { withVariables } from './variables.js';
import type { WireJob } from './wire.js';

/** Run:AI's name for each field of the model, for the texts of problems. */
export const fieldNames: FieldNames = {
  image: 'image',
  pullPolicy: 'imagePullPolicy',
  entrypoint: 'command',
  command: 'arguments',
  workingDirectory: 'workingDir',
  env: 'environment',
  tty: 'tty',
  secretRefs: 'secret_refs',
  secretFileType: 'secret_file_type',
  continueOnWarnings: 'cont_on_warnings',
  registryRef: 'registry_ref',
  optionNames: {
    user: 'runAsUid',
    network: 'hostNetwork',
    mounts: 'volume',
    volumes: 'pvc',
    gpus: 'gpu',
    reservedCpus: 'cpu',
    reservedMemoryBytes: 'memory',
    home: 'createHomeDir',
    cpus: 'cpuLimit',
    memoryBytes: 'memoryLimit',
    sharedMemoryBytes: 'largeShm',
  },
};

/** As Run:AI has it. */
const home = '/home/runai-home';

/** What of the operator's settings the fields depend on. */
type Amounts = Pick<OptionsPolicy, 'most' | 'usual'>;

/** Fields that were not given are left out. The image is pulled unless the job says otherwise, as in Run:AI. */
export function toSpecFields(job: WireJob, amounts: Amounts): SpecFields {
  const { environment = [], imagePullPolicy = 'Always' } = job;
  return dropMissing({
    image: job.image,
    pullPolicy: imagePullPolicy,
    entrypoint: job.command,
    command: job.arguments,
    workingDirectory: job.workingDir,
    tty: job.tty,
    env: job.createHomeDir === true ? withVariables(environment, { HOME: home }) : environment,
    secretRefs: job.secret_refs,
    secretFileType: job.secret_file_type,
    continueOnWarnings: job.cont_on_warnings,
    registryRef: job.registry_ref,
    options: toOptions(job, amounts),
  });
}

function toOptions(job: WireJob, amounts: Amounts): ContainerOptions {
  const { runAsUid: uid, runAsGid: gid, hostNetwork } = job;
  const mounts = toMounts(job);
  const ports = hostNetwork === true ? [] : toPorts(job);
  const limits = toLimits(job, amounts.most.sharedMemoryBytes);
  const reserved = toReservations(job, amounts.usual);
  return dropMissing({
    user: uid === undefined || gid === undefined ? undefined : { uid, gid },
    network: hostNetwork === true ? 'host' : undefined,
    ports: ports.length === 0 ? undefined : ports,
    mounts: mounts.length === 0 ? undefined : mounts,
    limits: unlessEmpty(limits),
    reserved: unlessEmpty(reserved),
    gpus: wholeGpus(job) || undefined,
    home: job.createHomeDir === true ? home : undefined,
    stdin: job.stdin === true ? true : undefined,
  });
}

function unlessEmpty<T extends object>(fields: T): T | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** A part of one is refused, in words of its own. */
function wholeGpus({ gpu = 0 }: WireJob): number {
  return Number.isInteger(gpu) ? gpu : 0;
}

/** Claims without a name are refused, in words of their own. */
function toMounts({ volume = [], volumes = [], pvc = [] }: WireJob): Mount[] {
  return [
    ...[...volume, ...volumes].map((mount) => ({ kind: 'bind' as const, ...mount })),
    ...pvc.flatMap(({ name, path, readOnly }) =>
      name === undefined ? [] : [{ kind: 'volume' as const, source: name, target: path, readOnly }],
    ),
  ];
}

/** The types that make a service for others are published for all; the others end at the node itself. */
function toPorts({ ports = [], serviceType }: WireJob): PortMapping[] {
  const loopbackOnly = serviceType !== 'nodeport' && serviceType !== 'loadbalancer';
  return ports.map((port) => ({ ...port, loopbackOnly }));
}

/** As much shared memory as the operator allows. It counts as the job's memory: more than its limit would be of no use. */
function toLimits({ cpuLimit, memoryLimit, largeShm }: WireJob, mostSharedBytes: number): Limits {
  const shared = Math.min(mostSharedBytes, memoryLimit || mostSharedBytes);
  return dropMissing({
    cpus: cpuLimit || undefined,
    memoryBytes: memoryLimit || undefined,
    sharedMemoryBytes: largeShm === true ? shared : undefined,
  });
}

/** What a GPU brings with it, where nothing else was said. */
const ofGpu = { cpus: 1, memoryBytes: 100 * 1024 ** 2 } as const;

/** What comes with GPUs is never more than the job's limit: nobody asked for it. */
function toReservations(job: WireJob, usual: Amounts['usual']): Reservations {
  const { cpu, memory, cpuLimit, memoryLimit } = job;
  const gpus = wholeGpus(job);
  const usualCpus = Math.min(gpus * ofGpu.cpus, cpuLimit || usual.cpus);
  const usualMemory = Math.min(gpus * ofGpu.memoryBytes, memoryLimit || usual.memoryBytes);
  return dropMissing({
    cpus: cpu || usualCpus || undefined,
    memoryBytes: memory || usualMemory || undefined,
  });
}

type Given<T> = { [Name in keyof T]?: NonNullable<T[Name]> };

function dropMissing<T extends object>(fields: T): Given<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Given<T>; // Only entries were removed.
}
