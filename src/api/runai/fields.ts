// Turns the fields of a Run:AI job into those of the model.

import type { FieldNames } from '../../job/check.js';
import type { SpecFields } from '../../job/job.js';
import type { ContainerOptions, Limits, PortMapping } from '../../job/options/options.js';
import type { WireJob } from './wire.js';

/** Run:AI's name for each field of the model, for the texts of problems. */
export const fieldNames: FieldNames = {
  image: 'image',
  pullPolicy: 'imagePullPolicy',
  entrypoint: 'command',
  command: 'arguments',
  workingDirectory: 'workingDir',
  env: 'environment',
  secretRefs: 'secret_refs',
  secretFileType: 'secret_file_type',
  continueOnWarnings: 'cont_on_warnings',
  optionNames: {
    user: 'runAsUid',
    network: 'hostNetwork',
    mounts: 'volume',
    cpus: 'cpuLimit',
    memoryBytes: 'memoryLimit',
    sharedMemoryBytes: 'largeShm',
  },
};

/** Fields that were not given are left out. The image is pulled unless the job says otherwise, as in Run:AI. */
export function toSpecFields(job: WireJob, mostSharedBytes: number): SpecFields {
  const { environment = [], imagePullPolicy = 'Always' } = job;
  return dropMissing({
    image: job.image,
    pullPolicy: imagePullPolicy,
    entrypoint: job.command,
    command: job.arguments,
    workingDirectory: job.workingDir,
    env: environment,
    secretRefs: job.secret_refs,
    secretFileType: job.secret_file_type,
    continueOnWarnings: job.cont_on_warnings,
    options: toOptions(job, mostSharedBytes),
  });
}

function toOptions(job: WireJob, mostSharedBytes: number): ContainerOptions {
  const { runAsUid: uid, runAsGid: gid, hostNetwork } = job;
  const mounts = [...(job.volume ?? []), ...(job.volumes ?? [])];
  const ports = hostNetwork === true ? [] : toPorts(job);
  const limits = toLimits(job, mostSharedBytes);
  return dropMissing({
    user: uid === undefined || gid === undefined ? undefined : { uid, gid },
    network: hostNetwork === true ? 'host' : undefined,
    ports: ports.length === 0 ? undefined : ports,
    mounts: mounts.length === 0 ? undefined : mounts.map((mount) => ({ kind: 'bind' as const, ...mount })),
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
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

type Given<T> = { [Name in keyof T]?: NonNullable<T[Name]> };

function dropMissing<T extends object>(fields: T): Given<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Given<T>; // Only entries were removed.
}
