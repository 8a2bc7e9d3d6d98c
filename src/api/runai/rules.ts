// What the fields of a Run:AI job must be to each other, and what of them stint does not do.

import { quote } from '../request/sentence.js';
import type { WireJob } from './wire.js';

type Rule = readonly [isBroken: (job: WireJob) => boolean, sentence: string | ((job: WireJob) => string)];

const rules: readonly Rule[] = [
  [({ project }) => project === undefined, 'project is required'],
  [({ image }) => image === undefined, 'image is required'],
  [({ tty, stdin }) => tty === true && stdin !== true, 'tty needs stdin'],
  [
    ({ gpu = 0 }) => gpu > 1 && !Number.isInteger(gpu),
    ({ gpu }) => `gpu must be a whole number or below 1, got ${gpu}.`,
  ],
  [
    ({ parallelism = 1, completions }) => parallelism > 1 && completions === undefined,
    'parallelism needs completions',
  ],
  [
    ({ parallelism = 1, interactive }) => parallelism > 1 && interactive === true,
    'parallelism must be 1 where interactive is `true`.',
  ],
  [
    ({ parallelism = 1, elastic }) => parallelism > 1 && elastic === true,
    'parallelism must be 1 where elastic is `true`.',
  ],
  [
    ({ memory = 0, memoryLimit }) => memoryLimit !== undefined && memory > memoryLimit,
    ({ memory, memoryLimit }) =>
      `memory must be at most memoryLimit, ${memoryLimit} bytes, got ${memory} bytes.`,
  ],
  [
    ({ cpu = 0, cpuLimit }) => cpuLimit !== undefined && cpu > cpuLimit,
    ({ cpu, cpuLimit }) => `cpu must be at most cpuLimit, ${cpuLimit}, got ${cpu}.`,
  ],
  [
    ({ serviceType, ports = [] }) => serviceType !== undefined && ports.length === 0,
    ({ serviceType = '' }) => `serviceType needs ports, got ${quote(serviceType)} without.`,
  ],
  [
    ({ runAsUid, runAsGid }) => (runAsUid === undefined) !== (runAsGid === undefined),
    'runAsUid and runAsGid must be given together, got one without the other.',
  ],
  [
    ({ secret_refs: refs = [], wrap_secret_id: wrap }) => refs.length > 0 && wrap === undefined,
    'secret_refs needs wrap_secret_id: without it the job may read nothing at Vault.',
  ],
  [
    // What Vault accepts in a token header. It is a credential, so it is not quoted.
    ({ wrap_secret_id: wrap = 's' }) => !/^[!-~]{1,4096}$/.test(wrap),
    'wrap_secret_id must be a token of 1 to 4096 visible ASCII characters, got something else.',
  ],
];

type Feature = readonly [field: keyof WireJob, isAsked: (job: WireJob) => boolean, why: string];

const noGpu = 'stint gives no GPUs to jobs yet';
const leaveOut = 'Leave it out';

/** What is not there yet. It is refused: to run another job than was asked for is worse. */
const missing: readonly Feature[] = [
  ['gpu', ({ gpu = 0 }) => gpu > 0 && (gpu < 1 || Number.isInteger(gpu)), `${noGpu}. Leave it out or send 0`],
  ['gpuMemory', ({ gpuMemory }) => gpuMemory === true, `${noGpu}. ${leaveOut}`],
  ['elastic', ({ elastic }) => elastic === true, `${noGpu}. ${leaveOut}`],
  [
    'cpu',
    ({ cpu = 0 }) => cpu > 0,
    'stint sets no CPUs aside for a job yet. Leave it out; cpuLimit says how many it may use',
  ],
  [
    'memory',
    ({ memory = 0 }) => memory > 0,
    'stint sets no memory aside for a job yet. Leave it out; memoryLimit says how much it may use',
  ],
  ['stdin', ({ stdin }) => stdin === true, `jobs have no input yet. ${leaveOut}, and tty with it`],
  [
    'createHomeDir',
    ({ createHomeDir }) => createHomeDir === true,
    `there are no temporary home directories yet. ${leaveOut}`,
  ],
  [
    'pvc',
    ({ pvc }) => pvc === true,
    `there are no volume claims yet. Leave it out; volume mounts a path of the node`,
  ],
  [
    'preemptible',
    ({ preemptible, interactive }) => preemptible === true && interactive === true,
    `no job is stopped for another one yet. ${leaveOut}`,
  ],
  ['nodeType', ({ nodeType }) => nodeType !== undefined, `nodes have no types yet. ${leaveOut}`],
  ...(
    ['gitSync', 'mpi', 'processes', 'jupyter', 'jupyterPassword', 'runAsUser', 'type', 'template'] as const
  ).map(
    (field): Feature => [
      field,
      (job) => job[field] === true,
      `stint does not know what to do with it. ${leaveOut}`,
    ],
  ),
];

/** All that is wrong with a job, or cannot be done; one sentence each. */
export function findProblems(job: WireJob): string[] {
  const broken = rules.filter(([isBroken]) => isBroken(job));
  const asked = missing.filter(([, isAsked]) => isAsked(job));
  return [
    ...broken.map(([, sentence]) => (typeof sentence === 'string' ? sentence : sentence(job))),
    ...asked.map(([field, , why]) => `${field} is not supported: ${why}.`),
  ];
}
