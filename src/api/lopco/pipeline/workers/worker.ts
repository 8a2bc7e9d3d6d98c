// Says what a worker is started with: its environment, the data cache, its limits.

import type { SpecFields } from '../../../../job/job.js';
import type { ContainerOptions } from '../../../../job/options/options.js';
import type { LopcoOptions } from '../../options.js';
import type { Input, Machine, Stage, Value } from '../model.js';
import { callbackToken } from './secret.js';

/** One worker of a job. */
export interface WorkerStart {
  readonly jobId: string;
  /** The name that its clients call the job by. */
  readonly jobName: string;
  readonly machine: Machine;
  readonly stage: Stage;
  readonly instance: string;
  readonly input: Input;
}

export function workerFields(start: WorkerStart, options: LopcoOptions): SpecFields {
  return {
    image: start.stage.image,
    pullPolicy: 'IfNotPresent',
    env: workerEnv(start, options),
    options: workerOptions(start.stage.cachePath, options),
  };
}

/** Inputs win over configs, and neither can be what the worker is known by. */
function workerEnv({ stage, machine, input, ...start }: WorkerStart, options: LopcoOptions): string[] {
  const variables = {
    ...(machine.platformId !== undefined && { DS_PLATFORM_ID: machine.platformId }),
    ...(machine.platformTypeId !== undefined && { DS_PLATFORM_TYPE_ID: machine.platformTypeId }),
    ...stage.configs,
    ...input,
    DEP_INSTANCE: start.instance,
    WORKER_INSTANCE: start.instance,
    JOB_CALLBACK_URL: callbackUrl(start, options),
  };
  return Object.entries(variables).map(([name, value]: [string, Value]) => `${name}=${value}`);
}

/** The secret opens one thing: the result of this worker. */
function callbackUrl(
  { jobId, jobName, instance }: Pick<WorkerStart, 'jobId' | 'jobName' | 'instance'>,
  { callbackUrl: base = '', callbackKey }: LopcoOptions,
): string {
  return `${base}/job-manager/jobs/${jobName}?t=${callbackToken(callbackKey, jobId, instance)}`;
}

/** Also what the operator must allow before a job is taken. Workers run as their image says: the data cache is theirs. */
export function workerOptions(
  cachePath: string,
  { network, cacheVolume, limits }: Pick<LopcoOptions, 'network' | 'cacheVolume' | 'limits'>,
): ContainerOptions {
  return {
    user: 'image',
    ...(network !== undefined && { network }),
    mounts: [{ kind: 'volume', source: cacheVolume, target: cachePath, readOnly: false }],
    limits,
  };
}
